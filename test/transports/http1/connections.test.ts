import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressOf } from "../../../src/core/address.ts";
import type { Peer } from "../../../src/core/ports.ts";
import type { Connection, Exchange } from "../../../src/transports/http1/connection.ts";
import { type Connections, createConnections } from "../../../src/transports/http1/connections.ts";
import { backend as backendOf } from "../../support/arbitraries.ts";
import { createRawBackend, type RawBackend } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";

const minute = 60_000;
const peer: Peer = { protocol: "http1", tls: undefined };

/** Connections to one backend, and a clock that can be put forward. */
interface Rig {
  readonly backend: RawBackend;
  readonly connections: Connections;
  pass(ms: number): void;
  /** Takes a connection and carries one request over it; it is the caller's to keep. */
  use(options?: { readonly fresh?: boolean; readonly peer?: Peer }): Promise<Connection>;
  keep(connection: Connection, seconds?: number, peer?: Peer): void;
}

async function withRig(test: (rig: Rig) => Promise<void>): Promise<void> {
  const backend = await createRawBackend();
  const taken = new Set<Connection>();
  let passed = 0;
  const connections = createConnections(undefined, () => performance.now() + passed);
  const address = addressOf(backendOf("b", { url: backend.url }));
  const rig: Rig = {
    backend,
    connections,
    pass: (ms) => void (passed += ms),
    use: ({ fresh = false, peer: given = peer } = {}) =>
      within(
        3000,
        "an answer",
        new Promise<Connection>((resolve, reject) => {
          let used: Connection | undefined;
          const exchange: Exchange = {
            method: "GET",
            upgrading: false,
            onOpen(connection) {
              used = connection;
              taken.add(connection);
              connection.socket!.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            },
            onInterim() {},
            onHead() {},
            onData() {},
            onEnd: () => queueMicrotask(() => resolve(used!)),
            onRead() {},
            onExcess: () => reject(new Error("there was more than an answer")),
            onDrain() {},
            onAlarm: () => reject(new Error("an alarm rang")),
            onLost: reject,
          };
          connections.take(address, given, fresh, exchange);
        }),
      ),
    keep: (connection, seconds, given = peer) => connections.keep(address, given, connection, seconds),
  };
  try {
    await test(rig);
  } finally {
    for (const connection of taken) connections.drop(connection);
    await backend.close();
  }
}

/** Whether the backend sees the connection of its arrival of this number end. */
const ends = ({ backend }: Rig, index: number) => within(3000, "the connection's end", backend.arrivals[index]!.closed);

describe("the connections", () => {
  it("are used again, the last used first", () =>
    withRig(async ({ backend, use, keep }) => {
      const [first, second, third] = [
        await use({ fresh: true }),
        await use({ fresh: true }),
        await use({ fresh: true }),
      ];
      for (const connection of [first, second, third]) keep(connection);
      assert.equal(await use(), third);
      assert.equal(await use(), second);
      keep(third);
      assert.equal(await use(), third);
      assert.equal(await use(), first);
      assert.equal(backend.connections(), 3);
      await use();
      assert.equal(backend.connections(), 4, "a new one where none is left");
    }));

  it("say whether they have carried an answer", () =>
    withRig(async ({ use, keep }) => {
      const connection = await use();
      assert.equal(connection.carried, false);
      keep(connection);
      assert.equal((await use()).carried, true);
    }));

  it("are passed over by who asks for a fresh one, and stay for the next", () =>
    withRig(async ({ use, keep }) => {
      const kept = await use();
      keep(kept);
      assert.notEqual(await use({ fresh: true }), kept);
      assert.equal(await use(), kept);
    }));

  it("live for 5 minutes at most, however busy they are", () =>
    withRig(async (rig) => {
      const { use, keep, pass } = rig;
      const old = await use();
      for (let minutes = 0; minutes < 4; minutes += 1) {
        keep(old);
        pass(minute);
        assert.equal(await use(), old, `after ${minutes + 1} minutes`);
      }
      keep(old);
      pass(minute);
      assert.equal(await use(), old, "what is at rest may still be used once");
      keep(old);
      await ends(rig, 0);
      assert.notEqual(await use(), old);
    }));

  it("end a second before the backend says that it ends them, or at once", () =>
    withRig(async (rig) => {
      const { use, keep } = rig;
      const [short, none] = [await use({ fresh: true }), await use({ fresh: true })];
      keep(none, 1);
      assert.ok(none.socket?.destroyed, "there is nothing left of one second");
      await ends(rig, 1);
      keep(short, 2);
      assert.equal(await use(), short, "it is kept until then");
      keep(short, 2);
      await ends(rig, 0);
      assert.notEqual(await use(), short);
    }));

  it("are kept for each pool's way of speaking on its own", () =>
    withRig(async ({ use, keep }) => {
      const other: Peer = { protocol: "http1", tls: undefined };
      const [mine, theirs] = [await use(), await use({ peer: other })];
      keep(mine);
      keep(theirs, undefined, other);
      assert.equal(await use(), mine);
      assert.equal(await use({ peer: other }), theirs);
    }));

  for (
    const [what, act] of [
      ["the backend ends it", (rig: Rig) => void rig.backend.arrivals[0]!.socket.end()],
      ["the backend resets it", (rig: Rig) => void rig.backend.arrivals[0]!.socket.resetAndDestroy()],
      [
        "the backend says something that nobody asked for",
        (rig: Rig) => rig.backend.arrivals[0]!.write("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
      ],
    ] as const
  ) {
    it(`are forgotten when they rest and ${what}`, () =>
      withRig(async (rig) => {
        const { use, keep } = rig;
        const [dying, staying] = [await use({ fresh: true }), await use({ fresh: true })];
        keep(staying);
        keep(dying);
        const noticed = new Promise<void>((resolve) => dying.socket!.once("close", () => resolve()));
        act(rig);
        await within(3000, "the connection's end", noticed);
        assert.equal(await use(), staying);
        assert.equal(rig.backend.connections(), 2);
      }));
  }

  it("give their sockets away as they are", () =>
    withRig(async ({ connections, use }) => {
      const connection = await use();
      const socket = connections.detach(connection);
      assert.ok(socket !== undefined && !socket.destroyed);
      assert.equal(socket.listenerCount("data"), 0);
      socket.destroy();
    }));
});
