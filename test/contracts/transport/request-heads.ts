import assert from "node:assert/strict";
import { bytesOf } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

/** As a server's parsed URL gives them: dots are resolved, everything else is the client's. */
const targets = [
  "/",
  "/a%2Fb?x=%zz&",
  "//x",
  "//x:1/y",
  "/a//b/",
  "/?",
  "/a?",
  "/a??b",
  "/a;b='c'?d=(e)",
  "/%00%2f%2E%2E%2fb",
  "/a?x=\\&y=%5c",
  "/a?b=[]|{}",
  "/@host.test/x",
  "/:80",
  "/*",
  "/a?x=http://b.test/c",
];

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "QUERY", "PURGE"];

export const requestHeadCases: readonly TransportCase[] = [
  ...targets.map(
    (target): TransportCase => ({
      name: `request: ${target} goes on the wire byte for byte`,
      async run({ backend, send }) {
        const main = await backend();
        assert.equal((await send(main, { target }).answer).status, 200);
        assert.deepEqual(
          main.arrivals.map((arrival) => arrival.head.toString("latin1").split("\r\n")[0]),
          [`GET ${target} HTTP/1.1`],
        );
      },
    }),
  ),
  {
    name: "request: a target of 10 kB goes on whole",
    async run({ backend, send }) {
      const main = await backend();
      const target = `/${"long/".repeat(1000)}?${"q".repeat(5000)}`;
      await send(main, { target }).answer;
      assert.equal(main.arrivals[0]?.target, target);
    },
  },
  {
    name: "request: every method goes on as it came",
    async run({ backend, send }) {
      const main = await backend();
      for (const method of methods) await bytesOf(await send(main, { method }).answer);
      assert.deepEqual(main.arrivals.map((arrival) => arrival.method), methods);
    },
  },
  {
    name: "request: fields go on with their values, each in one line",
    async run({ backend, send }) {
      const main = await backend();
      const fields = [
        ["x-plain", "a value"],
        ["x-empty", ""],
        ["x-list", "a, b, c"],
        ["x-latin", "caf\u00e9 \u00ff"],
        ["x-quoted", '"a, \\"b\\"", c'],
        ["cookie", "a=1; b=2; c=3"],
        ["authorization", "Basic dXNlcjpwYXNz"],
        ["content-type", "text/plain; charset=x"],
        ["range", "bytes=0-9"],
        ["if-none-match", 'W/"x"'],
        ["referer", "http://elsewhere.test/page"],
        ["origin", "http://elsewhere.test"],
        ["cache-control", "no-cache"],
        ["dnt", "1"],
      ] as const;
      await send(main, { fields }).answer;
      for (const [name, value] of fields) assert.deepEqual(main.arrivals[0]?.all(name), [value], name);
    },
  },
  {
    name: "request: dropped fields are gone, and set fields are there once",
    async run({ backend, send }) {
      const main = await backend();
      await send(main, {
        fields: [
          ["x-drop", "1"],
          ["x-both", "old"],
          ["via", "1.1 old"],
          ["connection", "x-named"],
          ["te", "trailers"],
          ["x-kept", "k"],
        ],
        drop: ["x-drop", "x-both", "x-never"],
        set: [["x-both", "new"], ["via", "1.1 old, 1.1 roundabout"], ["x-set", "s"]],
      }).answer;
      const [arrival] = main.arrivals;
      assert.deepEqual(arrival?.all("x-drop"), []);
      assert.deepEqual(arrival?.all("te"), []);
      assert.deepEqual(arrival?.all("x-both"), ["new"]);
      assert.deepEqual(arrival?.all("via"), ["1.1 old, 1.1 roundabout"]);
      assert.deepEqual(arrival?.all("x-set"), ["s"]);
      assert.deepEqual(arrival?.all("x-kept"), ["k"]);
      assert.doesNotMatch(arrival?.all("connection").join() ?? "", /x-named/);
    },
  },
  {
    name: "request: Host is the backend's own, with its port, whatever came in",
    async run({ backend, send }) {
      const main = await backend();
      await send(main, { fields: [["host", "client.test"]] }).answer;
      assert.deepEqual(main.arrivals[0]?.all("host"), [`127.0.0.1:${main.port}`]);
    },
  },
  {
    name: "request: Host is the one that was asked for",
    async run({ backend, send }) {
      const main = await backend();
      for (const host of ["client.test", "client.test:8443", "[::1]:80"]) {
        await bytesOf(await send(main, { host, fields: [["host", "other.test"]] }).answer);
        assert.deepEqual(main.arrivals.at(-1)?.all("host"), [host]);
      }
    },
  },
  {
    name: "request: nothing is invented but what the runtime cannot leave out",
    async run({ backend, send, traits }) {
      const main = await backend();
      await bytesOf(await send(main, { fields: [["x-a", "1"]] }).answer);
      await bytesOf(await send(main, { fields: [["x-a", "1"]], body: "text" }).answer);
      const framing = new Set(["content-length", "transfer-encoding"]);
      for (const { fields } of main.arrivals) {
        const names = fields.map(([name]) => name.toLowerCase()).filter((name) => !framing.has(name));
        assert.deepEqual(names.sort(), ["host", "x-a", ...traits.invents].sort());
      }
    },
  },
  {
    name: "request: the client's own values win over what the runtime would invent",
    async run({ backend, send }) {
      const main = await backend();
      const fields = [["accept", "text/x-mine"], ["accept-encoding", "identity"], ["accept-language", "eo"], [
        "user-agent",
        "mine/1",
      ]] as const;
      await send(main, { fields }).answer;
      for (const [name, value] of fields) assert.deepEqual(main.arrivals[0]?.all(name), [value], name);
    },
  },
  {
    name: "request: 150 fields and one of 30 kB go on whole",
    async run({ backend, send }) {
      const main = await backend();
      const many = Array.from({ length: 150 }, (_, index) => [`x-${index}`, `value ${index}`] as const);
      const long = ["x-long", "v".repeat(30_000)] as const;
      await send(main, { fields: [...many, long] }).answer;
      for (const [name, value] of [...many, long]) assert.deepEqual(main.arrivals[0]?.all(name), [value]);
    },
  },
];
