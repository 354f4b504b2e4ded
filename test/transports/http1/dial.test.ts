import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer, type ListenOptions, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Place } from "../../../src/core/address.ts";
import { dial, type Lookup } from "../../../src/transports/http1/dial.ts";
import { createReadBuffers } from "../../../src/transports/http1/read-buffers.ts";
import { createDeafPort } from "../../support/deaf-port.ts";
import { noIpv6 } from "../../support/ipv6.ts";
import { within } from "../../support/wait.ts";

/** A server that greets with a word of its own, for as long as `use` takes. */
async function withServer(
  options: ListenOptions,
  word: string,
  use: (port: number, connections: () => number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    connections += 1;
    socket.on("error", () => {});
    socket.write(word);
  });
  server.listen(options.path === undefined ? { port: 0, ...options } : options);
  await once(server, "listening");
  const address = server.address() as AddressInfo | string;
  try {
    await use(typeof address === "string" ? 0 : address.port, () => connections);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Finds these addresses for a name, and counts how often it is asked. */
function createLookup(...lists: readonly (readonly string[])[]): { readonly find: Lookup; readonly asked: string[] } {
  const asked: string[] = [];
  const find: Lookup = (hostname, _options, found) => {
    const list = lists[Math.min(asked.length, lists.length - 1)] ?? [];
    asked.push(hostname);
    queueMicrotask(() => found(null, list.map((address) => ({ address }))));
  };
  return { find, asked };
}

/** The word of whoever was reached. */
async function greeting(place: Place, find?: Lookup): Promise<string> {
  const socket = await within(
    5000,
    "a connection",
    new Promise<Socket>((resolve, reject) => {
      dial(
        place,
        (error, socket) => error === undefined ? resolve(socket!) : reject(error),
        find === undefined ? {} : { find },
      );
    }),
  );
  try {
    const [bytes] = await once(socket, "data") as [Buffer];
    return bytes.toString();
  } finally {
    socket.destroy();
  }
}

const at = (hostname: string, port: number): Place => ({ hostname, port });

/** A port of which nothing listens on 127.0.0.1 or 127.0.0.3 while `use` runs, but on 127.0.0.2. */
const onSecond = (use: (port: number) => Promise<void>) => withServer({ host: "127.0.0.2" }, "second", use);

describe("dialling", () => {
  it("tries all addresses of a name until one stands", () =>
    onSecond(async (port) => {
      for (
        const list of [["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "127.0.0.3", "127.0.0.2", "127.0.0.4"]]
      ) {
        assert.equal(await greeting(at("app.test", port), createLookup(list).find), "second");
      }
    }));

  it("takes the first address that stands, and no other", () =>
    withServer(
      { host: "127.0.0.1" },
      "first",
      (port, first) =>
        withServer({ host: "127.0.0.2", port }, "second", async (_port, second) => {
          const { find } = createLookup(["127.0.0.1", "127.0.0.2"]);
          for (let turn = 0; turn < 5; turn += 1) assert.equal(await greeting(at("app.test", port), find), "first");
          assert.deepEqual([first(), second()], [5, 0]);
        }),
    ));

  it("passes over an address that never answers", async () => {
    const deaf = await createDeafPort();
    assert.ok(deaf !== undefined, "no port here can be kept from accepting");
    try {
      const port = Number(new URL(deaf.url).port);
      await withServer({ host: "127.0.0.2", port }, "second", async () => {
        assert.equal(await greeting(at("app.test", port), createLookup(["127.0.0.1", "127.0.0.2"]).find), "second");
      });
    } finally {
      await deaf.close();
    }
  });

  it("fails as the last address failed when none stands", () =>
    onSecond(async (port) => {
      const { find } = createLookup(["127.0.0.1", "127.0.0.3"]);
      await assert.rejects(greeting(at("app.test", port), find), { code: "ECONNREFUSED" });
    }));

  it("looks a name up anew for each connection", () =>
    onSecond((port) =>
      withServer({ host: "127.0.0.3", port }, "third", async () => {
        const { find, asked } = createLookup(["127.0.0.2"], ["127.0.0.3"], ["127.0.0.2"]);
        const words = [];
        for (let turn = 0; turn < 3; turn += 1) words.push(await greeting(at("app.test", port), find));
        assert.deepEqual(words, ["second", "third", "second"]);
        assert.deepEqual(asked, ["app.test", "app.test", "app.test"]);
      })
    ));

  it("does not look an address up", () =>
    onSecond(async (port) => {
      const { find, asked } = createLookup([]);
      assert.equal(await greeting(at("127.0.0.2", port), find), "second");
      assert.deepEqual(asked, []);
    }));

  it("fails as the lookup failed", async () => {
    const failure = Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
    const find: Lookup = (_hostname, _options, found) => queueMicrotask(() => found(failure, []));
    await assert.rejects(greeting(at("app.test", 80), find), failure);
  });

  it("reaches an IPv6 address", { skip: noIpv6 }, () =>
    withServer({ host: "::1" }, "six", async (port) => {
      assert.equal(await greeting(at("::1", port)), "six");
      assert.equal(await greeting(at("app.test", port), createLookup(["127.0.0.1", "::1"]).find), "six");
    }));

  it("reaches a Unix domain socket", async () => {
    const folder = mkdtempSync(join(tmpdir(), "dial-"));
    const socketPath = join(folder, "app.sock");
    try {
      await assert.rejects(greeting({ hostname: "localhost", port: 0, socketPath }), { code: "ENOENT" });
      await withServer({ path: socketPath }, "socket", async () => {
        assert.equal(await greeting({ hostname: "localhost", port: 0, socketPath }), "socket");
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("reads into given memory, whichever address answers", () =>
    onSecond(async (port) => {
      const { next } = createReadBuffers()();
      const { find } = createLookup(["127.0.0.1", "127.0.0.2"]);
      const word = new Promise<string>((resolve, reject) => {
        const callback = (length: number, buffer: Uint8Array) => {
          resolve(Buffer.from(buffer.subarray(0, length)).toString());
          return true;
        };
        const onread = { buffer: next, callback };
        const done = (error: Error | undefined, socket?: Socket) =>
          error === undefined ? sockets.push(socket!) : reject(error);
        dial(at("app.test", port), done, { find, onread });
      });
      const sockets: Socket[] = [];
      try {
        assert.equal(await within(5000, "a word", word), "second");
      } finally {
        for (const socket of sockets) socket.destroy();
      }
    }));

  it("can be given up at any moment: nobody is told, and nothing stays open", () =>
    onSecond(async (port) => {
      const told: unknown[] = [];
      const held: (() => void)[] = [];
      const slow: Lookup = (_hostname, _options, found) =>
        void held.push(() => found(null, [{ address: "127.0.0.2" }]));
      dial(at("app.test", port), (...done) => told.push(done), { find: slow })();
      for (const go of held) go();
      dial(at("127.0.0.2", port), (...done) => told.push(done))();
      dial(at("127.0.0.1", port), (...done) => told.push(done))();
      const { find } = createLookup(["127.0.0.1", "127.0.0.2"]);
      dial(at("app.test", port), (...done) => told.push(done), { find })();
      // What was given up would have come before what is asked for only now.
      assert.equal(await greeting(at("127.0.0.2", port)), "second");
      await assert.rejects(greeting(at("127.0.0.1", port)));
      assert.deepEqual(told, []);
    }));
});
