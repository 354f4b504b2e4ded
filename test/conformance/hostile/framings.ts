import assert from "node:assert/strict";
import type { ConformanceCase } from "../case.ts";
import { attack, type Outcome, targetsOf } from "./attack.ts";

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

const framings: readonly {
  readonly what: string;
  readonly fields: string;
  readonly body: string;
  readonly bodies: readonly string[];
}[] = [
  {
    what: "Content-Length and chunked",
    fields: "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
    body: `0\r\n\r\n${smuggled}`,
    bodies: [""],
  },
  {
    what: "chunked and Content-Length",
    fields: `Transfer-Encoding: chunked\r\nContent-Length: ${5 + smuggled.length}\r\n`,
    body: `0\r\n\r\n${smuggled}`,
    bodies: [""],
  },
  {
    what: "two different Content-Lengths",
    fields: `Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n`,
    body: smuggled,
    bodies: [],
  },
  {
    what: "two equal Content-Lengths",
    fields: "Content-Length: 4\r\nContent-Length: 4\r\n",
    body: "body",
    bodies: ["body"],
  },
  { what: "a Content-Length that is no number", fields: "Content-Length: 4x\r\n", body: "body", bodies: [] },
  { what: "a negative Content-Length", fields: "Content-Length: -1\r\n", body: "", bodies: [""] },
  { what: "a Content-Length with a sign", fields: "Content-Length: +4\r\n", body: "body", bodies: [] },
  { what: "a list of Content-Lengths", fields: "Content-Length: 4, 4\r\n", body: "body", bodies: ["body"] },
  {
    what: "chunked that is not last",
    fields: "Transfer-Encoding: chunked, identity\r\n",
    body: `0\r\n\r\n${smuggled}`,
    bodies: [""],
  },
  {
    what: "a coding that is almost chunked",
    fields: "Transfer-Encoding: xchunked\r\n",
    body: `0\r\n\r\n${smuggled}`,
    bodies: [""],
  },
  {
    what: "Transfer-Encoding twice",
    fields: "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
    body: "4\r\nbody\r\n0\r\n\r\n",
    bodies: ["body"],
  },
  {
    what: "a space before the colon",
    fields: "Content-Length: 0\r\nTransfer-Encoding : chunked\r\n",
    body: `0\r\n\r\n`,
    bodies: ["", "0\r\n\r\n"],
  },
  {
    what: "a chunk size that is no number",
    fields: "Transfer-Encoding: chunked\r\n",
    body: "4\r\nbody\r\nzz\r\n0\r\n\r\n",
    bodies: [],
  },
  {
    what: "a chunk longer than its size",
    fields: "Transfer-Encoding: chunked\r\n",
    body: "2\r\nbody\r\n0\r\n\r\n",
    bodies: [],
  },
  {
    what: "a chunk size that overflows",
    fields: "Transfer-Encoding: chunked\r\n",
    body: "10000000000000004\r\nbody\r\n0\r\n\r\n",
    bodies: [],
  },
];

/** Two ways to say where a body ends, or one that says nothing sensible. */
export const framingCases: readonly ConformanceCase[] = framings.map(({ what, fields, body, bodies }) => ({
  name: `hostile: ${what} smuggles nothing`,
  async run(context) {
    const head = `POST /framed HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n${fields}\r\n`;
    await oneRequestAtMost(await attack(context, () => head + body), "/framed", bodies);
  },
}));
