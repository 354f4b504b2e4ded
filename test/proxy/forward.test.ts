import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ProxyError } from "../../src/core/errors.ts";
import type { Deadlines, Incoming, RequestBody } from "../../src/core/ports.ts";
import { forward, type Forwarding } from "../../src/proxy/forward.ts";
import { backend } from "../support/arbitraries.ts";
import { scriptedTransport, type Step } from "../support/scripted-backend.ts";

const deadlines: Deadlines = { connectMs: 1, responseMs: 2, sendMs: 60_000, idleMs: 3 };
const bodyThatIs = (replayable: boolean): RequestBody => ({
  length: 0,
  replayable,
  failure: undefined,
  open: () => new ReadableStream({ start: (controller) => controller.close() }),
});

function request(method: string, body?: RequestBody): Forwarding {
  const incoming: Incoming = { method, headers: new Headers(), body, onAbort: () => () => {} };
  return {
    incoming,
    peer: { protocol: "http1", tls: undefined },
    target: "/x?y",
    host: "a.test",
    headers: { drop: new Set(["te"]), set: [["via", "1.1 roundabout"]] },
  };
}

const one = backend("a", { url: "http://a.test/base" });
const stale: Step = { fails: "connection_terminated", reused: true };

describe("forwarding", () => {
  it("sends what is to be sent, below the backend's base path", async () => {
    const { transport, tries } = scriptedTransport({});
    const forwarding = request("GET");
    const onEnd = () => {};
    const response = await forward(forwarding, one, () => deadlines, transport, onEnd);
    assert.equal(await response.text(), "200 from a");
    assert.deepEqual(tries[0]!.outgoing, {
      backend: one,
      peer: forwarding.peer,
      target: "/base/x?y",
      host: "a.test",
      headers: forwarding.headers,
      deadlines,
      onEnd,
    });
  });

  const cases: {
    name: string;
    steps: Step[];
    method?: string;
    body?: RequestBody;
    tries: number;
    ends: number | ProxyError["code"];
  }[] = [
    {
      name: "once more on a fresh connection when a kept one turns out to be closed",
      steps: [stale, {}],
      tries: 2,
      ends: 200,
    },
    { name: "not a third time", steps: [stale, stale, {}], tries: 2, ends: "connection_terminated" },
    {
      name: "not again when the connection was new",
      steps: [{ fails: "connection_terminated" }, {}],
      tries: 1,
      ends: "connection_terminated",
    },
    { name: "again for HEAD", steps: [stale, {}], method: "HEAD", tries: 2, ends: 200 },
    {
      name: "again for OPTIONS with a body that is kept",
      steps: [stale, {}],
      method: "OPTIONS",
      body: bodyThatIs(true),
      tries: 2,
      ends: 200,
    },
    {
      name: "not again with a body that is gone",
      steps: [stale, {}],
      method: "OPTIONS",
      body: bodyThatIs(false),
      tries: 1,
      ends: "connection_terminated",
    },
    ...["POST", "PUT", "PATCH", "DELETE", "PURGE"].map((method) => ({
      name: `not again for ${method}`,
      steps: [stale, {}],
      method,
      tries: 1,
      ends: "connection_terminated" as const,
    })),
    { name: "not again for an answer, whatever it says", steps: [{ answers: 502 }, {}], tries: 1, ends: 502 },
  ];
  for (const { name, steps, method = "GET", body, tries: expected, ends } of cases) {
    it(name, async () => {
      const { transport, tries } = scriptedTransport({ a: steps });
      const forwarded = forward(request(method, body), one, () => deadlines, transport, () => {});
      if (typeof ends === "number") assert.equal((await forwarded).status, ends);
      else await assert.rejects(forwarded, { code: ends });
      assert.equal(tries.length, expected);
      assert.deepEqual(tries.map(({ outgoing }) => outgoing.fresh ?? false), [false, true].slice(0, expected));
    });
  }

  it("lets pass what no transport should throw", async () => {
    const odd = new TypeError("odd");
    const { transport } = scriptedTransport({ a: [{ throws: odd }] });
    await assert.rejects(forward(request("GET"), one, () => deadlines, transport, () => {}), (error) => error === odd);
  });
});
