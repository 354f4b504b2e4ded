import assert from "node:assert/strict";
import type { Arrival } from "../support/raw-backend.ts";
import type { RawClient, RawHead } from "../support/raw-client.ts";
import type { CaseContext, ConformanceCase } from "./case.ts";
import { plain } from "./stages.ts";

const padding = (count: number, length: number) => Array.from({ length: count }, (_, at) => `X-Pad-${at}: ${"p".repeat(length)}\r\n`).join("");

/** What came of hostile bytes: the heads of all answers until the server had no more to say, and what the backends saw. */
interface Outcome {
  readonly answers: readonly RawHead[];
  readonly arrivals: readonly Arrival[];
}

/** Reads answers until the connection ends or one says nothing more follows. */
async function answersOf(client: RawClient, most: number): Promise<RawHead[]> {
  const answers: RawHead[] = [];
  while (answers.length < most) {
    const next = await client.response().catch(() => undefined);
    if (next === undefined) break;
    answers.push(next);
    if (next.status >= 400) break;
  }
  return answers;
}

/** Sends the bytes, expects at most `most` answers, and makes sure that the balancer is still itself and nobody else was asked. */
async function attack(context: CaseContext, bytes: (decoy: number) => string | Buffer, most = 1): Promise<Outcome> {
  const decoy = await context.backend("decoy");
  const { connect, exchange, backends } = await context.stage(plain);
  const client = await connect();
  await client.send(bytes(decoy.port));
  const answers = await Promise.race([answersOf(client, most), client.ended.then(() => answersOf(client, most))]);
  client.leave();
  const arrivals = [...backends.main.arrivals];
  assert.equal(decoy.connections(), 0, "nobody but the configured backends is contacted");
  backends.main.reset();
  assert.equal((await exchange({ target: "/after" })).body.toString(), "main", "the next client is served");
  assert.deepEqual(backends.main.arrivals.map((arrival) => arrival.target), ["/after"], "and nothing comes late");
  return { answers, arrivals };
}

const targetsOf = ({ arrivals }: Outcome) => arrivals.map((arrival) => arrival.target);
const isRefusal = ({ answers }: Outcome) => answers.every(({ status }) => status >= 400);

/** Either refused, or forwarded as one request that ends where the balancer says it ends. */
const oneRequestAtMost = async (outcome: Outcome, target: string, bodies: readonly string[]) => {
  assert.ok(outcome.arrivals.length <= 1, `${targetsOf(outcome)}`);
  for (const arrival of outcome.arrivals) {
    assert.equal(arrival.target, target);
    const framings = [...arrival.all("content-length"), ...arrival.all("transfer-encoding")];
    assert.ok(framings.length <= 1, `one framing: ${framings}`);
    const { bytes, complete } = await arrival.body();
    assert.ok(!complete || bodies.includes(bytes.toString()), `body ${JSON.stringify(bytes.toString())}`);
  }
};

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: balancer.test\r\n\r\n";

const framings: readonly { readonly what: string; readonly fields: string; readonly body: string; readonly bodies: readonly string[] }[] = [
  { what: "Content-Length and chunked", fields: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", body: `0\r\n\r\n${smuggled}`, bodies: [""] },
  { what: "chunked and Content-Length", fields: `Transfer-Encoding: chunked\r\nContent-Length: ${5 + smuggled.length}\r\n`, body: `0\r\n\r\n${smuggled}`, bodies: [""] },
  { what: "two different Content-Lengths", fields: `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`, body: smuggled, bodies: [] },
  { what: "two equal Content-Lengths", fields: "Content-Length: 4\r\nContent-Length: 4\r\n", body: "body", bodies: ["body"] },
  { what: "a Content-Length that is no number", fields: "Content-Length: 4x\r\n", body: "body", bodies: [] },
  { what: "a negative Content-Length", fields: "Content-Length: -1\r\n", body: "", bodies: [""] },
  { what: "a Content-Length with a sign", fields: "Content-Length: +4\r\n", body: "body", bodies: [] },
  { what: "a list of Content-Lengths", fields: "Content-Length: 4, 4\r\n", body: "body", bodies: ["body"] },
  { what: "chunked that is not last", fields: "Transfer-Encoding: chunked, identity\r\n", body: `0\r\n\r\n${smuggled}`, bodies: [""] },
  { what: "a coding that is almost chunked", fields: "Transfer-Encoding: xchunked\r\n", body: `0\r\n\r\n${smuggled}`, bodies: [""] },
  { what: "Transfer-Encoding twice", fields: "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", body: "4\r\nbody\r\n0\r\n\r\n", bodies: ["body"] },
  { what: "a space before the colon", fields: "Content-Length: 0\r\nTransfer-Encoding : chunked\r\n", body: `0\r\n\r\n`, bodies: ["", "0\r\n\r\n"] },
  { what: "a chunk size that is no number", fields: "Transfer-Encoding: chunked\r\n", body: "4\r\nbody\r\nzz\r\n0\r\n\r\n", bodies: [] },
  { what: "a chunk longer than its size", fields: "Transfer-Encoding: chunked\r\n", body: "2\r\nbody\r\n0\r\n\r\n", bodies: [] },
  { what: "a chunk size that overflows", fields: "Transfer-Encoding: chunked\r\n", body: "10000000000000004\r\nbody\r\n0\r\n\r\n", bodies: [] },
];

const odd: readonly { readonly what: string; readonly line: (decoy: number) => string; readonly path: RegExp }[] = [
  { what: "an absolute-form target", line: (decoy) => `GET http://127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`, path: /^\/x$/ },
  { what: "an absolute-form target of another scheme", line: (decoy) => `GET ftp://127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`, path: /^\/x$/ },
  { what: "a target that begins with two slashes", line: (decoy) => `GET //127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`, path: /^\/{1,2}127\.0\.0\.1:\d+\/x$/ },
  { what: "a target that begins with a backslash", line: (decoy) => `GET /\\127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`, path: /^\/(\/|\\|%5[cC])?127\.0\.0\.1:\d+\/x$/ },
  { what: "a target with an at sign", line: (decoy) => `GET @127.0.0.1:${decoy}/x HTTP/1.1\r\nHost: balancer.test`, path: /^\/@127\.0\.0\.1:\d+\/x$/ },
  { what: "a target with dots that climb", line: () => "GET /../../../etc/passwd HTTP/1.1\r\nHost: balancer.test", path: /^(\/\.\.)*\/etc\/passwd$/ },
  { what: "OPTIONS *", line: () => "OPTIONS * HTTP/1.1\r\nHost: balancer.test", path: /^(\*|\/\*|\/)$/ },
  { what: "a Host that names somebody else", line: (decoy) => `GET /x HTTP/1.1\r\nHost: 127.0.0.1:${decoy}`, path: /^$/ },
  { what: "a Host that holds a path", line: () => "GET /s HTTP/1.1\r\nHost: a/../x", path: /^$/ },
  { what: "a Host that holds a path below a known name", line: () => "GET /s HTTP/1.1\r\nHost: balancer.test/x?", path: /^$/ },
  { what: "a Host with a user", line: (decoy) => `GET /s HTTP/1.1\r\nHost: balancer.test@127.0.0.1:${decoy}`, path: /^$/ },
  { what: "a Host with a space", line: () => "GET /s HTTP/1.1\r\nHost: balancer.test x", path: /^$/ },
  { what: "two Hosts", line: (decoy) => `GET /s HTTP/1.1\r\nHost: balancer.test\r\nHost: 127.0.0.1:${decoy}`, path: /^$/ },
  { what: "an empty Host", line: () => "GET /s HTTP/1.1\r\nHost: ", path: /^$/ },
  { what: "no Host", line: () => "GET /s HTTP/1.1\r\nX: y", path: /^$/ },
];

const malformed: readonly { readonly what: string; readonly bytes: string }[] = [
  { what: "a NUL in a field", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nX-Bad: a\0b\r\n\r\n" },
  { what: "a bare CR in a field", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nX-Bad: a\rX-Injected: yes\r\n\r\n" },
  { what: "a bare LF in a field", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nX-Bad: a\nX-Injected: yes\r\n\r\n" },
  { what: "a folded field", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nX-Bad: a\r\n X-Injected: yes\r\n\r\n" },
  { what: "a field without a name", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\n: nameless\r\n\r\n" },
  { what: "a line that is no field", bytes: "GET /bytes HTTP/1.1\r\nHost: balancer.test\r\nnonsense\r\n\r\n" },
  { what: "a request line of garbage", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
];

export const hostileCases: readonly ConformanceCase[] = [
  ...framings.map(
    ({ what, fields, body, bodies }): ConformanceCase => ({
      name: `hostile: ${what} smuggles nothing`,
      async run(context) {
        const outcome = await attack(context, () => `POST /framed HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n${fields}\r\n${body}`);
        await oneRequestAtMost(outcome, "/framed", bodies);
      },
    }),
  ),
  ...odd.map(
    ({ what, line, path }): ConformanceCase => ({
      name: `hostile: ${what} leads nowhere else`,
      async run(context) {
        const outcome = await attack(context, (decoy) => `${line(decoy)}\r\nConnection: close\r\n\r\n`);
        for (const target of targetsOf(outcome)) assert.match(target, path);
        if (outcome.arrivals.length === 0) assert.ok(isRefusal(outcome));
        for (const arrival of outcome.arrivals) assert.equal(arrival.all("host").length, 1);
      },
    }),
  ),
  ...malformed.map(
    ({ what, bytes }): ConformanceCase => ({
      name: `hostile: ${what} is refused or harmless`,
      async run(context) {
        const outcome = await attack(context, () => Buffer.from(bytes, "latin1"));
        assert.ok(outcome.arrivals.length <= 1);
        for (const arrival of outcome.arrivals) {
          assert.equal(arrival.target, "/bytes");
          assert.doesNotMatch(arrival.head.toString("latin1").replaceAll("\r\n", ""), /[\r\n\0]/, "no stray byte goes on");
          // A bare LF ends a line for some servers (RFC 9112 §2.2): then it is a field like any other.
          if (!what.includes("LF")) assert.equal(arrival.field("x-injected"), undefined);
        }
      },
    }),
  ),
  {
    name: "hostile: a client cannot remove the balancer's own fields by naming them in Connection",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const named of ["x-forwarded-for", "x-request-id, via", "host", "X-Forwarded-Host, x-forwarded-proto, x-forwarded-port", "close, content-length"]) {
        const response = await exchange({ method: "POST", body: "kept", fields: [["Connection", named], ["X-Forwarded-For", "203.0.113.1"]] });
        assert.ok(response.status === 200 || response.status === 400, named);
      }
      assert.ok(backends.main.arrivals.length >= 4);
      for (const arrival of backends.main.arrivals) {
        assert.deepEqual(arrival.all("x-forwarded-for"), ["127.0.0.1"]);
        for (const name of ["x-request-id", "via", "host", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"]) assert.equal(arrival.all(name).length, 1, name);
        assert.equal((await arrival.body()).bytes.toString(), "kept");
      }
    },
  },
  {
    name: "hostile: spoofed forwarding fields, in any spelling, are not believed",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const spoofed = ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"].map((name) => [name, "10.0.0.1"] as const);
      await exchange({ fields: [...spoofed, ["Forwarded", "for=10.0.0.1"], ["CF-Connecting-IP", "10.0.0.1"], ["X-Real-IP", "10.0.0.1"]] });
      assert.deepEqual(backends.main.arrivals[0]?.all("x-forwarded-for"), ["127.0.0.1"]);
      assert.equal(backends.main.arrivals[0]?.field("forwarded"), undefined);
    },
  },
  {
    name: "hostile: floods of fields are refused or passed, and stop nobody else",
    async run(context) {
      for (const flood of [padding(2000, 10), padding(90, 1000), `X-Long: ${"p".repeat(300_000)}\r\n`]) {
        const outcome = await attack(context, () => `GET /flood HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n${flood}\r\n`);
        assert.equal(outcome.arrivals.length, 0, "more than 16 KiB go nowhere");
      }
    },
  },
  {
    name: "hostile: stalled connections do not hold up normal traffic",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      const beginnings = ["", "GET", "GET / HTTP/1.1\r\nHost: balancer.test\r\nX-Half: ", "POST /stalled HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 10\r\n\r\nhalf"];
      for (let turn = 0; turn < 20; turn += 1) await (await connect()).send(beginnings[turn % beginnings.length] ?? "");
      const statuses = await Promise.all(Array.from({ length: 40 }, async () => (await exchange({ target: "/normal" })).status));
      assert.ok(statuses.every((status) => status === 200));
      assert.equal(backends.main.arrivals.filter((arrival) => arrival.target === "/normal").length, 40);
      for (const arrival of backends.main.arrivals) assert.ok(["/normal", "/stalled"].includes(arrival.target));
    },
  },
  {
    name: "hostile: pipelined requests are answered in their order or not at all",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [], arrival.target));
      const client = await connect();
      await client.send(["/1", "/2", "/3"].map((target) => `GET ${target} HTTP/1.1\r\nHost: balancer.test\r\n\r\n`).join(""));
      const bodies: string[] = [];
      for (let turn = 0; turn < 3; turn += 1) {
        const response = await client.response().catch(() => undefined);
        if (response === undefined) break;
        bodies.push(response.body.toString());
      }
      assert.deepEqual(bodies, ["/1", "/2", "/3"].slice(0, bodies.length));
      for (const { target } of backends.main.arrivals) assert.ok(["/1", "/2", "/3"].includes(target));
      backends.main.reset();
      assert.equal((await exchange()).status, 200);
    },
  },
  {
    name: "hostile: bytes after a request's body are the next request and not a part of it",
    async run(context) {
      const { connect, backends } = await context.stage(plain);
      const client = await connect();
      await client.send(`POST /first HTTP/1.1\r\nHost: balancer.test\r\nContent-Length: 4\r\n\r\nbody${smuggled}`);
      await client.response().catch(() => undefined);
      await client.response().catch(() => undefined);
      const seen = backends.main.arrivals.map((arrival) => `${arrival.method} ${arrival.target}`);
      assert.ok(["", "POST /first", "POST /first,GET /smuggled"].includes(seen.join()), seen.join());
      for (const arrival of backends.main.arrivals) {
        const { bytes, complete } = await arrival.body();
        assert.ok(!complete || bytes.toString() === (arrival.method === "POST" ? "body" : ""));
      }
    },
  },
];
