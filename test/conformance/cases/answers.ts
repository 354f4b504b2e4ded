import assert from "node:assert/strict";
import type { RawResponse, RequestOptions } from "../../support/raw-client.ts";
import type { ConformanceCase, Stage } from "../case.ts";
import { plain } from "../stages.ts";

const noAddress = (response: RawResponse) => {
  const text = `${response.bytes}${response.body}`;
  assert.doesNotMatch(text, /127\.0\.0\.1|localhost|\.ts:\d|ECONN|at .*\(/, "no address and no stack");
};

/** Requests that the balancer answers itself, with everything that such an answer must have. */
const own: readonly {
  readonly what: string;
  readonly status: number;
  readonly error: RegExp;
  readonly options: RequestOptions;
}[] = [
  { what: "no route", status: 404, error: /destination_not_found/, options: { host: "nowhere.test", target: "/else" } },
  { what: "nobody eligible", status: 503, error: /destination_unavailable/, options: { host: "nobody.test" } },
  {
    what: "a refusing backend",
    status: 502,
    error: /connection_refused|connection_terminated/,
    options: { host: "dead.test" },
  },
];

const refused: readonly { readonly name: string; readonly bytes: string; readonly statuses: readonly number[] }[] = [
  { name: "answers: TRACE is not allowed", bytes: "TRACE / HTTP/1.1\r\nHost: balancer.test\r\n\r\n", statuses: [405] },
  {
    name: "answers: CONNECT makes no tunnel",
    bytes: "CONNECT elsewhere.test:443 HTTP/1.1\r\nHost: elsewhere.test:443\r\n\r\n",
    statuses: [400, 404, 405, 500, 501],
  },
  {
    name: "answers: an upgrade is not supported",
    bytes: "GET / HTTP/1.1\r\nHost: balancer.test\r\nConnection: Upgrade\r\nUpgrade: something/2\r\n\r\n",
    statuses: [501],
  },
  {
    name: "answers: gRPC is not supported",
    bytes:
      "POST /s/M HTTP/1.1\r\nHost: balancer.test\r\nContent-Type: application/grpc+proto\r\nTE: trailers\r\nContent-Length: 0\r\n\r\n",
    statuses: [501],
  },
];

const askOwn = async (stage: Stage<"main" | "dead">, options: RequestOptions, accept?: string) => {
  await stage.backends.dead.refuse();
  return await stage.exchange(accept === undefined ? options : { ...options, fields: [["Accept", accept]] });
};

export const answerCases: readonly ConformanceCase[] = [
  ...own.map(
    ({ what, status, error, options }): ConformanceCase => ({
      name: `answers: ${what} is a ${status}: problem details for JSON, a line of text otherwise`,
      async run(context) {
        const stage = await context.stage(plain);
        for (const accept of ["application/json", "text/html, application/problem+json;q=0.5"]) {
          const response = await askOwn(stage, options, accept);
          assert.equal(response.status, status);
          assert.match(response.field("content-type") ?? "", /^application\/problem\+json/);
          const details = JSON.parse(response.body.toString()) as Record<string, unknown>;
          assert.equal(details["status"], status);
          assert.match(String(details["type"]), error);
          assert.ok(typeof details["title"] === "string" && details["title"].length > 0);
          assert.match(String(details["requestId"]), /^\S{8,}$/);
          noAddress(response);
        }
        for (const accept of [undefined, "text/html", "*/*"]) {
          const response = await askOwn(stage, options, accept);
          assert.equal(response.status, status);
          assert.match(response.field("content-type") ?? "", /^text\/plain/);
          const lines = response.body.toString().trimEnd().split("\n");
          assert.equal(lines.length, 1);
          assert.match(lines[0] ?? "", /\S{20,}/, "with the request's id");
          assert.match(response.field("proxy-status") ?? "", error);
          noAddress(response);
        }
        assert.equal(stage.backends.main.arrivals.length, 0);
      },
    }),
  ),
  {
    name: "answers: a 503 says when to come back",
    async run(context) {
      const response = await askOwn(await context.stage(plain), { host: "nobody.test" });
      assert.equal(response.status, 503);
      assert.ok(Number(response.field("retry-after")) >= 1, `${response.field("retry-after")}`);
    },
  },
  {
    name: "answers: the id in the answer is the one in the log",
    async run(context) {
      const stage = await context.stage(plain);
      const response = await askOwn(stage, { host: "nowhere.test", target: "/told" }, "application/json");
      const { requestId } = JSON.parse(response.body.toString()) as { requestId: string };
      await stage.balancer.waitForLog(
        (_line, text) => text.includes(requestId) && text.includes("/told"),
        "the request's line",
      );
    },
  },
  {
    name: "answers: HEAD gets the status and no body",
    async run(context) {
      const { connect } = await context.stage(plain);
      const client = await connect();
      await client.send("HEAD /else HTTP/1.1\r\nHost: nowhere.test\r\n\r\n");
      assert.equal((await client.response("HEAD")).status, 404);
      await client.send("GET / HTTP/1.1\r\nHost: balancer.test\r\n\r\n");
      assert.equal((await client.response()).body.toString(), "main");
    },
  },
  ...refused.map(
    ({ name, bytes, statuses }): ConformanceCase => ({
      name,
      async run(context) {
        const { connect, exchange, backends } = await context.stage(plain);
        const client = await connect();
        await client.send(bytes);
        // A server may also refuse by closing without a word: nothing was passed on either way.
        const refusal = await Promise.race([client.head(), client.ended.then(() => undefined)]).catch(() => undefined);
        assert.ok(refusal === undefined || statuses.includes(refusal.status), `${refusal?.status}`);
        if (statuses.length === 1) assert.equal(refusal?.status, statuses[0]);
        assert.equal(backends.main.arrivals.length, 0);
        assert.equal((await exchange()).status, 200);
      },
    }),
  ),
];
