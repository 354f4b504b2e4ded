import assert from "node:assert/strict";
import type { Arrival } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";
import { bytesOf } from "./bytes.ts";
import type { TransportCase, TransportContext } from "./case.ts";

const deaths: readonly (readonly [what: string, act: (arrival: Arrival) => void])[] = [
  ["a FIN", ({ socket }) => void socket.end()],
  ["a reset", ({ socket }) => void socket.resetAndDestroy()],
  ["half a head", ({ socket }) => void socket.end("HTTP/1.1 200 OK\r\n")],
];

/** Warms connections up, then lets each die on its next request, and counts how often that request came. */
async function arrivalsOfPost(
  { backend, send }: TransportContext,
  idle: number,
  post: { body?: string; length?: "chunked" },
): Promise<number[]> {
  const main = await backend();
  const counts: number[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    main.reset();
    // Answered only when all have come, so that each has a connection of its own.
    main.handle(async (arrival) => {
      if (arrival.target !== "/warm") return void arrival.socket.resetAndDestroy();
      const last = main.arrivals.length === idle;
      if (last) { for (const one of main.arrivals) await one.answer(200, [], "warm"); }
    });
    const warm = Array.from({ length: idle }, () => send(main, { target: "/warm" }));
    for (const sent of warm) await bytesOf(await sent.answer);
    await send(main, { method: "POST", target: "/post", ...post }).answer.catch(() => {});
    counts.push(main.arrivals.filter((arrival) => arrival.target === "/post").length);
  }
  return counts;
}

export const connectionCases: readonly TransportCase[] = [
  ...([
    ["requests without a body", {}],
    ["requests with a chunked body", { body: "hello", length: "chunked" }],
    ["requests with a body of known length", { body: "hello" }],
  ] as const).map(([what, request]): TransportCase => ({
    name: `connections: ten ${what} one after another share one`,
    async run({ backend, send }) {
      const main = await backend();
      for (let turn = 0; turn < 10; turn += 1) await bytesOf(await send(main, request).answer);
      assert.deepEqual([main.arrivals.length, main.connections()], [10, 1]);
    },
  })),
  {
    name: "connections: 64 requests at the same time get 64, and they are used again",
    async run({ backend, send }) {
      const main = await backend();
      for (let round = 1; round <= 2; round += 1) {
        main.handle(async () => {
          if (main.arrivals.length === 64 * round) {
            for (const arrival of main.arrivals.slice(-64)) await arrival.answer(200, [], arrival.target);
          }
        });
        const bodies = await Promise.all(
          Array.from(
            { length: 64 },
            async (_, index) => (await bytesOf(await send(main, { target: `/${index}` }).answer)).toString(),
          ),
        );
        assert.deepEqual(bodies, Array.from({ length: 64 }, (_, index) => `/${index}`));
      }
      assert.equal(main.connections(), 64);
    },
  },
  {
    name: "connections: two requests at the same time never share one",
    async run({ backend, send }) {
      const main = await backend(() => {});
      const first = send(main);
      const second = send(main);
      const arrivals = [await main.arrival(0), await main.arrival(1)];
      assert.notEqual(arrivals[0]?.connection, arrivals[1]?.connection);
      await Promise.all(arrivals.map((arrival) => arrival.answer(200)));
      await Promise.all([first.answer, second.answer]);
    },
  },
  {
    name: "connections: `fresh` opens a new one though another is idle",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main).answer);
      await bytesOf(await send(main, { fresh: true }).answer);
      assert.equal(main.connections(), 2);
      assert.notEqual(main.arrivals[0]?.connection, main.arrivals[1]?.connection);
    },
  },
  {
    name: "connections: one that the backend says it closes is not used again",
    async run({ backend, send }) {
      const main = await backend((arrival) => arrival.answer(200, [["Connection", "close"]], "bye"));
      for (let turn = 0; turn < 5; turn += 1) assert.equal((await bytesOf(await send(main).answer)).toString(), "bye");
      assert.equal(main.connections(), 5);
    },
  },
  {
    name: "connections: one that died while it was idle is not used again",
    async run({ backend, send }) {
      const main = await backend();
      for (let turn = 0; turn < 5; turn += 1) {
        await bytesOf(await send(main).answer);
        const { socket, closed } = main.arrivals.at(-1)!;
        socket.end();
        // The transport's own FIN says that it has seen ours.
        await within(2000, "the connection's end", closed);
      }
      assert.deepEqual([main.arrivals.length, main.connections()], [5, 5]);
    },
  },
  ...deaths.map(
    ([what, act]): TransportCase => ({
      name: `connections: a kept one that dies by ${what} before the head says that it was kept`,
      async run({ backend, send }) {
        const main = await backend();
        for (const request of [{}, { body: "hello" }, { method: "HEAD" }]) {
          main.handle((arrival) => arrival.answer(200));
          await bytesOf(await send(main).answer);
          const before = main.connections();
          main.handle(act);
          const error = await send(main, request).error();
          assert.deepEqual([error.code, error.reused], ["connection_terminated", true]);
          assert.equal(main.connections(), before, "nothing is sent again");
        }
      },
    }),
  ),
  {
    name: "connections: a fresh one that dies before the head does not say that it was kept",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main).answer);
      main.handle(({ socket }) => void socket.end());
      const error = await send(main, { fresh: true }).error();
      assert.deepEqual([error.code, error.reused], ["connection_terminated", false]);
    },
  },
  ...([
    ["of known length", { body: "hello" }],
    ["in chunks", { body: "hello", length: "chunked" }],
    ["without a body", {}],
  ] as const).flatMap(([what, post]) =>
    [1, 3].map((idle): TransportCase => ({
      name: `connections: a POST ${what} reaches the backend once where ${idle} kept ${
        idle === 1 ? "one turns" : "ones turn"
      } out dead`,
      timeoutMs: 20_000,
      async run(context) {
        assert.deepEqual([...new Set(await arrivalsOfPost(context, idle, post))], [1]);
      },
    }))
  ),
  {
    name: "connections: a POST sent as the backend closes the kept one arrives at most once",
    timeoutMs: 20_000,
    async run({ backend, send }) {
      const main = await backend();
      for (let turn = 0; turn < 50; turn += 1) {
        await bytesOf(await send(main, { target: "/warm" }).answer);
        main.arrivals.at(-1)!.socket.end();
        const sent = send(main, { target: `/post/${turn}`, body: "hello" });
        const failure = await sent.answer.then(bytesOf).then(() => undefined, () => sent.error());
        const times = main.arrivals.filter((arrival) => arrival.target === `/post/${turn}`).length;
        assert.ok(times <= 1, `arrived ${times} times`);
        if (failure !== undefined) assert.equal(failure.code, "connection_terminated");
      }
    },
  },
  {
    name: "connections: clients that come and go by the hundred never get each other's answers",
    async run({ backend, send }) {
      const main = await backend(async ({ target, write, answer }) => {
        if (target.endsWith("/torn")) return write(`HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n${target}`);
        await answer(200, [], target.repeat(100));
      });
      const ask = async (index: number) => {
        const whole = index % 3 === 0;
        const target = `/${index}/${whole ? "whole" : "torn"}`;
        const sent = send(main, index % 2 === 0 ? { target } : { target, body: "hello" });
        if (index % 5 === 1) setTimeout(sent.leave, index % 4);
        const response = await sent.answer.catch(() => undefined);
        if (response === undefined) return assert.equal(index % 5, 1, target);
        if (!whole) return await response.body?.cancel().catch(() => {});
        const text = await response.text().catch(() => undefined);
        if (text === undefined) assert.equal(index % 5, 1, target);
        else assert.equal(text, target.repeat(100));
      };
      for (let round = 0; round < 6; round += 1) {
        await Promise.all(Array.from({ length: 50 }, (_, index) => ask(round * 50 + index)));
      }
    },
  },
  {
    name: "connections: two backends never share one",
    async run({ backend, send }) {
      const [one, other] = [
        await backend((arrival) => arrival.answer(200, [], "one")),
        await backend((arrival) => arrival.answer(200, [], "other")),
      ];
      for (let turn = 0; turn < 3; turn += 1) {
        assert.equal((await bytesOf(await send(one, { host: "same.test" }).answer)).toString(), "one");
        assert.equal((await bytesOf(await send(other, { host: "same.test" }).answer)).toString(), "other");
      }
    },
  },
];
