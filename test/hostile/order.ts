import assert from "node:assert/strict";
import type { HostileCase } from "./cases.ts";
import { get } from "./attack.ts";
import { hostile } from "./stage.ts";

/** Whatever becomes of requests one behind the other: an answer is that to the request in its place. */
export const order: readonly HostileCase[] = [
  {
    name: "pipelining: answers come in the order of their requests, though the first takes longest",
    async run(context) {
      const { connect, backends: { main } } = await context.stage(hostile);
      const slow = Promise.withResolvers<void>();
      main.handle(async (arrival) => {
        if (arrival.target === "/1") await slow.promise;
        else slow.resolve();
        await arrival.answer(200, [], arrival.target);
      });
      // Who takes one at a time would wait for the first for ever.
      setTimeout(slow.resolve, 500).unref();
      const client = await connect();
      await client.send(["/1", "/2", "/3"].map((target) => get(target)).join(""));
      const bodies: string[] = [];
      while (bodies.length < 3) {
        const answer = await client.response().catch(() => undefined);
        if (answer === undefined) break;
        bodies.push(answer.body.toString());
      }
      assert.deepEqual(bodies, ["/1", "/2", "/3"].slice(0, bodies.length));
      assert.ok(main.arrivals.every(({ target }) => ["/1", "/2", "/3"].includes(target)));
      return bodies.length === 3 ? "served" : "closed";
    },
  },
];
