import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createSessions } from "../../../src/transports/websocket/sessions.ts";

/** Three sessions: one ends when it is told, one when it is cut, one before. */
const three = () => {
  const sessions = createSessions();
  const told: string[] = [];
  const enter = (name: string, endsWhen: "told" | "cut") => {
    const forget = sessions.add({
      goAway() {
        told.push(`${name} told`);
        if (endsWhen === "told") forget();
      },
      cut() {
        told.push(`${name} cut`);
        forget();
      },
    });
    return forget;
  };
  enter("polite", "told");
  enter("deaf", "cut");
  enter("gone", "cut")();
  return { sessions, told };
};

describe("sessions", () => {
  it("are counted until they have ended", () => assert.equal(three().sessions.count(), 2));

  it("are told to go away, and cut if they do not", async () => {
    const { sessions, told } = three();
    const idle = sessions.idle();
    await sessions.goAway(1);
    await idle;
    assert.deepEqual(told, ["polite told", "deaf told", "deaf cut"]);
    assert.equal(sessions.count(), 0);
  });

  it("that are none are waited for by nobody", async () => {
    const sessions = createSessions();
    await sessions.goAway(1);
    await sessions.idle();
  });
});
