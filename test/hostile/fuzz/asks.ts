import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import fc from "fast-check";
import { ProxyError } from "../../../src/core/errors.ts";
import { rawFields } from "../../../src/core/fields.ts";
import type { Fields, RawRequest } from "../../../src/core/ports.ts";
import { inspect, type Inspected } from "../../../src/proxy/inspect.ts";
import { fieldNames, inAnyCapitals } from "../../support/arbitraries.ts";

/** 10,000 runs a property, or as many as FUZZ_RUNS says. */
export const runs = { numRuns: Number(process.env["FUZZ_RUNS"] ?? 10_000) };

const oneOf = (words: string) => fc.constantFrom(...words.split(" "));
const someOf = (piece: fc.Arbitrary<string>, maxLength: number) =>
  fc.array(piece, { maxLength }).map((list) => list.join(""));
const character = (min: number, max: number) => fc.integer({ min, max }).map((code) => String.fromCharCode(code));

/** Any byte; those that mean something come often. */
const byte = fc.oneof(
  { weight: 3, arbitrary: character(0x21, 0x7e) },
  { weight: 3, arbitrary: fc.constantFrom(..."/.%?#@:\\;,&=2eE[]-_~*0x ") },
  { weight: 1, arbitrary: character(0, 0xff) },
);
export const bytes = (maxLength = 30): fc.Arbitrary<string> => fc.string({ unit: byte, maxLength });

/** What a parser of heads can hand over as a value: no CR, no LF, no NUL, and no space around it. */
export const values: fc.Arbitrary<string> = bytes().map((text) => text.replace(/[\0\r\n]/g, "").trim());
export const names: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fieldNames.filter((name) => name !== "host").chain(inAnyCapitals) },
  { weight: 1, arbitrary: oneOf("Content-Length HTTP2-Settings Cookie Connection Upgrade") },
);
/** A list of names and of what is none. */
export const lists: fc.Arbitrary<string> = fc.array(fc.oneof(names, values), { maxLength: 4 })
  .map((items) => items.join(", ").trim());
export const lines: fc.Arbitrary<[name: string, value: string][]> = fc.array(
  fc.oneof(fc.tuple(names, values), fc.tuple(oneOf("Connection connection Via X-Forwarded-For"), lists)),
  { maxLength: 10 },
);

const pieces = someOf(
  fc.oneof(oneOf("/ // .. . %2e %2E%2e .%2e \\ ..; %2f a inner ? # %00 é Ċ \u{1f600}"), bytes(4)),
  8,
);
const origins = oneOf("http:// https:// http://a.test http://u@a.test ftp://a.test HTTP://[::1]:80 http:");
/** Targets as they may stand in a request line, in Latin-1. */
const targets = fc.oneof(
  { weight: 4, arbitrary: pieces.map((path) => `/${path}`) },
  { weight: 2, arbitrary: fc.tuple(origins, pieces).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: bytes(60) },
).map((target) => Buffer.from(target).toString("latin1"));

const hosts = fc.oneof(
  oneOf("a.test A.Test:8080 127.0.0.1 [::1]:80 localhost xn--bcher-kva.test"),
  someOf(oneOf("a 1 0x7f 256 08 xn-- . - _ ~ : 80 65536 [ ] ::1 @ % test"), 6),
  values,
);

/** A request's head, as a client may send it. */
export interface Ask {
  readonly method: string;
  /** In Latin-1. */
  readonly target: string;
  readonly host: string | undefined;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** Whether the runtime hands over every byte as it came. */
  readonly isRaw: boolean;
}

export const asks: fc.Arbitrary<Ask> = fc.record({
  method: fc.oneof(oneOf("GET HEAD POST OPTIONS DELETE TRACE CONNECT get"), fc.stringMatching(/^[A-Z!#$]{1,9}$/)),
  target: targets,
  host: fc.option(hosts, { nil: undefined }),
  fields: lines,
  isRaw: fc.boolean(),
});

export const fieldsOf = ({ host, fields }: Ask): Fields =>
  rawFields([...(host === undefined ? [] : ["Host", host]), ...fields.flat()]);

/** The same as most runtimes tell it: decoded, with Host for an origin unless there is one. */
function urlOf({ target, host = "localhost:8080" }: Ask): string {
  const path = /^[/*]/.test(target) ? target : `/${target}`;
  return Buffer.from(/^[a-z]+:\/\//i.test(target) ? target : `http://${host}${path}`, "latin1").toString();
}

/** What a request is taken for; `undefined`: it was refused, and the client is told that it is at fault. */
export function inspected(ask: Ask): Inspected | undefined {
  const headers = fieldsOf(ask);
  const raw: RawRequest = { headers, target: ask.target, whole: () => Promise.resolve(undefined) };
  // Not a Request, which takes neither every method nor every URL: some servers hand them over all the same.
  const request = { method: ask.method, url: urlOf(ask), headers } as unknown as Request;
  try {
    return inspect(request, ask.isRaw ? raw : undefined, 16_384);
  } catch (error) {
    assert.ok(error instanceof ProxyError, String(error));
    assert.ok(error.row.status < 500 || error.row.status === 501 || error.row.status === 508, error.code);
    return undefined;
  }
}
