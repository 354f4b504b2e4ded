import assert from "node:assert/strict";
import process from "node:process";
import { describe, it } from "node:test";
import { takeSignals } from "../../src/cli/lifecycle.ts";

describe("signals", () => {
  it("that come again at once, as npm passes Ctrl-C on once more, are the same one", async () => {
    const { first, second } = takeSignals();
    const seconds: string[] = [];
    void second.then((signal) => seconds.push(signal));
    process.emit("SIGINT", "SIGINT");
    process.emit("SIGINT", "SIGINT");
    assert.equal(await first, "SIGINT");
    assert.deepEqual(seconds, []);
    process.emit("SIGTERM", "SIGTERM");
    assert.equal(await second, "SIGTERM");
    for (const signal of ["SIGINT", "SIGTERM"]) process.removeAllListeners(signal);
  });
});
