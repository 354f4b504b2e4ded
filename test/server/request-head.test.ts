import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { checkRequestBeginning, parseRequestHead, type RequestHead } from "../../src/server/request-head.ts";

const parse = (text: string) => parseRequestHead(text.replaceAll("\n", "\r\n"));
const throwing = (code: ErrorCode) => (error: unknown) => error instanceof ProxyError && error.code === code;
const refuses = (text: string, code: ErrorCode = "malformed_request") =>
  assert.throws(() => parseRequestHead(text), throwing(code), JSON.stringify(text));

/** A head of one line and these fields, which may break every rule. */
const get = (fields: string, version = "1.1") => `GET / HTTP/${version}\r\n${fields}`;

const accepted: readonly (readonly [name: string, head: string, expected: Partial<RequestHead>])[] = [
  ["a line without fields", "GET / HTTP/1.1", { method: "GET", target: "/", minor: 1, fields: [], host: undefined }],
  ["HTTP/1.0", "GET / HTTP/1.0", { minor: 0, host: undefined, framing: 0 }],
  ["a Host", "GET / HTTP/1.1\nhOsT: A.Test:80", { host: "A.Test:80", fields: ["hOsT", "A.Test:80"] }],
  ["an empty Host", "GET / HTTP/1.1\nHost:", { host: "" }],
  ["every character of a method", "!#$%&'*+-.^_`|~0aZ / HTTP/1.1", { method: "!#$%&'*+-.^_`|~0aZ" }],
  ["a method in lower case", "get / HTTP/1.1", { method: "get" }],
  ["a target in absolute form", "GET http://b.test/x?y HTTP/1.1", { target: "http://b.test/x?y" }],
  ["a target in authority form", "CONNECT b.test:443 HTTP/1.1", { method: "CONNECT", target: "b.test:443" }],
  ["a target in asterisk form", "OPTIONS * HTTP/1.1", { target: "*" }],
  ["a target that no URL has", 'GET /\\^"<>{|}# HTTP/1.1', { target: '/\\^"<>{|}#' }],
  ["bytes beyond ASCII in the target", "GET /caf\u00e9\u0080\u00ff HTTP/1.1", { target: "/caf\u00e9\u0080\u00ff" }],
  ["spaces and tabs around a value", "GET / HTTP/1.1\nX:\t a \tb \t", { fields: ["X", "a \tb"] }],
  ["bytes beyond ASCII in a value", "GET / HTTP/1.1\nX: \u0080\u00ff", { fields: ["X", "\u0080\u00ff"] }],
  ["a field twice", "GET / HTTP/1.1\nX: 1\nx: 2", { fields: ["X", "1", "x", "2"] }],
  ["no length", "POST / HTTP/1.1", { framing: 0 }],
  ["a length of nothing", "POST / HTTP/1.1\nContent-Length: 0", { framing: 0 }],
  ["a length", "POST / HTTP/1.1\ncontent-length: 12", { framing: 12 }],
  ["a length with zeros before it", "POST / HTTP/1.1\nContent-Length: 0012", { framing: 12 }],
  ["the longest length", "POST / HTTP/1.1\nContent-Length: 999999999999999", { framing: 999_999_999_999_999 }],
  ["a length in HTTP/1.0", "POST / HTTP/1.0\nContent-Length: 3", { framing: 3 }],
  ["a body of a GET", "GET / HTTP/1.1\nContent-Length: 3", { framing: 3 }],
  ["a coding", "POST / HTTP/1.1\nTransfer-Encoding: chunked", { framing: "chunked" }],
  ["a coding in other capitals", "POST / HTTP/1.1\ntransfer-encoding: \tChUnKeD ", { framing: "chunked" }],
];

const refused: readonly (readonly [name: string, head: string])[] = [
  ["a line without a version", "GET /"],
  ["a line of a method alone", "GET"],
  ["a line that begins with a space", " GET / HTTP/1.1"],
  ["two spaces before the target", "GET  / HTTP/1.1"],
  ["two spaces before the version", "GET /  HTTP/1.1"],
  ["a space in the target", "GET /a b HTTP/1.1"],
  ["a tab instead of a space", "GET\t/ HTTP/1.1"],
  ["a vertical tab instead of a space", "GET /\vHTTP/1.1"],
  ["a space after the version", "GET / HTTP/1.1 "],
  ["something after the version", "GET / HTTP/1.1x"],
  ["a version in lower case", "GET / http/1.1"],
  ["another protocol", "GET / ICY/1.1"],
  ["a version without a dot", "GET / HTTP/11"],
  ["a version with a sign", "GET / HTTP/+1.1"],
  ["no target", "GET HTTP/1.1"],
  ["an empty target", "GET  HTTP/1.1"],
  ["no method", "/ HTTP/1.1"],
  ["a method that is none", "G(T / HTTP/1.1"],
  ["a method with a colon, which may be a field", "GET: / HTTP/1.1"],
  ["a byte beyond ASCII in the method", "G\u00c9T / HTTP/1.1"],
  ["a NUL in the target", "GET /\0 HTTP/1.1"],
  ["a DEL in the target", "GET /\x7f HTTP/1.1"],
  ["a bare LF after the line", "GET / HTTP/1.1\nHost: a"],
  ["a bare CR after the line", "GET / HTTP/1.1\rHost: a"],
  ["two CRs before an LF", "GET / HTTP/1.1\r\r\nHost: a"],
  ["a CR at the end", "GET / HTTP/1.1\r"],
  ["a bare LF between fields", get("A: b\nC: d")],
  ["a bare CR between fields", get("A: b\rC: d")],
  ["a bare CR in a value", get("A: b\r\r\nC: d")],
  ["a CR at the end of the fields", get("A: b\r")],
  ["an LF at the end of the fields", get("A: b\n")],
  ["an empty line between fields", get("A: b\r\n\r\nC: d")],
  ["a NUL in a value", get("A: b\0c")],
  ["a DEL in a value", get("A: b\x7fc")],
  ["an escape in a value", get("A: \x1b[0m")],
  ["a vertical tab before a value", get("A:\vb")],
  ["a folded line", get("A: b\r\n c")],
  ["a line folded by a tab", get("A: b\r\n\tc")],
  ["a folded first field", get(" A: b")],
  ["a space before a colon", get("Host : a")],
  ["a tab before a colon", get("Content-Length\t: 5")],
  ["a field without a colon", get("Host a")],
  ["a field without a name", get(": a")],
  ["a name with a space in it", get("Content Length: 5")],
  ["a name with a byte beyond ASCII", get("Ho\u00dft: a")],
  ["a name that is quoted", get('"Host": a')],
  ["a name that only becomes ASCII in lower case", get("\u212aeep: a")],
  ["two Hosts", get("Host: a\r\nHost: b")],
  ["the same Host twice", get("Host: a\r\nhost: a")],
  ["two lengths", get("Content-Length: 1\r\nContent-Length: 2")],
  ["the same length twice", get("Content-Length: 1\r\ncontent-length: 1")],
  ["two lengths in one field", get("Content-Length: 1, 1")],
  ["two codings", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")],
  ["a coding beside none", get("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity")],
  ["a length beside a coding", get("Content-Length: 1\r\nTransfer-Encoding: chunked")],
  ["a coding beside a length", get("Transfer-Encoding: chunked\r\nContent-Length: 1")],
  ["a length of nothing beside a coding", get("Transfer-Encoding: chunked\r\nContent-Length: 0")],
  ["a coding in HTTP/1.0", get("Transfer-Encoding: chunked", "1.0")],
  ["a coding and a length in HTTP/1.0", get("Content-Length: 1\r\nTransfer-Encoding: chunked", "1.0")],
];

const notLengths = [
  "",
  "-1",
  "+1",
  "1.0",
  "1e3",
  "0x10",
  "a",
  "1 1",
  "1,",
  ",1",
  '"1"',
  "1_000",
  "1;x",
  "\u00b2",
  "9999999999999999",
  "18446744073709551617",
  "0000000000000001",
];

const notCodings = [
  "",
  "identity",
  "gzip",
  "gzip, chunked",
  "chunked, gzip",
  "chunked, chunked",
  "chunked,",
  ",chunked",
  "chunked;q=1",
  "xchunked",
  "chunked x",
  '"chunked"',
  "\u00a0chunked",
  "chun\u212aed",
];

const versions = ["0.9", "1.2", "1.9", "2.0", "2", "3", "3.0", "1.10", "1.00", "9.9"];

const persistence: readonly (readonly [version: string, fields: string, keepAlive: boolean])[] = [
  ["1.1", "", true],
  ["1.1", "\nConnection: keep-alive", true],
  ["1.1", "\nConnection: close", false],
  ["1.1", "\nconnection: CLOSE", false],
  ["1.1", "\nConnection: x , close\t,y", false],
  ["1.1", "\nConnection: x\nConnection: close", false],
  ["1.1", "\nConnection: keep-alive, close", false],
  ["1.1", "\nConnection: closed, x-close, clos", true],
  ["1.1", "\nConnection:", true],
  ["1.1", "\nX-Connection: close", true],
  ["1.1", "\nProxy-Connection: close", true],
  ["1.0", "", false],
  ["1.0", "\nConnection: close", false],
  ["1.0", "\nConnection: keep-alive", true],
  ["1.0", "\nConnection: x,Keep-Alive", true],
  ["1.0", "\nConnection: x\nConnection: keep-alive", true],
  ["1.0", "\nConnection: keep-alives, keep", false],
  ["1.0", "\nKeep-Alive: timeout=5", false],
];

const expectations: readonly (readonly [head: string, expects: boolean])[] = [
  ["POST / HTTP/1.1\nContent-Length: 1", false],
  ["POST / HTTP/1.1\nContent-Length: 1\nExpect: 100-continue", true],
  ["POST / HTTP/1.1\nTransfer-Encoding: chunked\nexpect: 100-Continue ", true],
  ["POST / HTTP/1.1\nExpect: 100-continue", false],
  ["POST / HTTP/1.1\nContent-Length: 0\nExpect: 100-continue", false],
  ["POST / HTTP/1.0\nContent-Length: 1\nExpect: 100-continue", false],
];

describe("a request's head", () => {
  for (const [name, head, expected] of accepted) {
    it(`is read with ${name}`, () => {
      const parsed = parse(head);
      const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, parsed[key as keyof RequestHead]]));
      assert.deepEqual(seen, expected);
    });
  }

  for (const [name, head] of refused) it(`is refused with ${name}`, () => refuses(head));

  it("is refused for every length that is not digits, and at most fifteen of them", () => {
    for (const length of notLengths) refuses(get(`Content-Length: ${length}`));
    for (const length of notLengths) refuses(get(`Content-Length: ${length}`, "1.0"));
  });

  it("is refused for every coding but chunked alone", () => {
    for (const coding of notCodings) refuses(get(`Transfer-Encoding: ${coding}`));
  });

  it("is refused for another version by that name, whatever else is wrong with it", () => {
    for (const version of versions) {
      refuses(`GET / HTTP/${version}`, "version_not_supported");
      refuses(`GET / HTTP/${version}\r\nHost: a\r\nHost: b`, "version_not_supported");
    }
    refuses("PRI * HTTP/2.0", "version_not_supported");
  });

  it("says whether its connection may be used again", () => {
    for (const [version, fields, keepAlive] of persistence) {
      assert.equal(parse(`GET / HTTP/${version}${fields}`).keepAlive, keepAlive, `HTTP/${version}${fields}`);
    }
  });

  it("says whether its client waits to be asked for the body, which needs one and HTTP/1.1", () => {
    for (const [head, expects] of expectations) assert.equal(parse(head).expects, expects, head);
  });

  it("is refused for an expectation that is not 100-continue", () => {
    for (const value of ["", "100", "200-ok", "100-continue, x", "100-continue;x", "x=y"]) {
      for (const version of ["1.1", "1.0"]) refuses(get(`Expect: ${value}`, version), "expectation_failed");
    }
  });

  it("asks for another protocol by an Upgrade, in HTTP/1.1 only", () => {
    assert.equal(parse("GET / HTTP/1.1").upgrades, false);
    assert.equal(parse("GET / HTTP/1.1\nUpgrade-Insecure-Requests: 1").upgrades, false);
    assert.equal(parse("GET / HTTP/1.1\nConnection: upgrade\nUPGRADE: websocket").upgrades, true);
    assert.equal(parse("GET / HTTP/1.0\nConnection: upgrade\nUpgrade: websocket").upgrades, false);
  });

  it("is refused for every byte that may not stand where it stands, and for no other", () => {
    for (let byte = 0; byte < 256; byte++) {
      const character = String.fromCharCode(byte);
      const places: readonly (readonly [head: string, allowed: RegExp])[] = [
        [`G${character}T / HTTP/1.1`, /[!#$%&'*+\-.^_`|~0-9A-Za-z]/],
        [`GET /${character}x HTTP/1.1`, /[\x21-\x7e\x80-\xff]/],
        [get(`X${character}: y`), /[!#$%&'*+\-.^_`|~0-9A-Za-z:]/], // after a colon comes the value
        [get(`X: a${character}b`), /[\t\x20-\x7e\x80-\xff]/],
      ];
      for (const [head, allowed] of places) {
        if (allowed.test(character)) assert.doesNotThrow(() => parseRequestHead(head), JSON.stringify(head));
        else refuses(head);
      }
    }
  });

  it("keeps every field in its place, with its spelling and all its bytes, without the spaces around it", () => {
    const name = fc.stringMatching(/^[-!#$%&'*+.^_`|~0-9A-Za-z]{1,12}$/).map((rest) => `X${rest}`);
    const visible = fc.constantFrom(...'aZ0,;="/:\u0080\u00e9\u00ff');
    const inner = fc.string({ unit: fc.oneof(visible, fc.constantFrom(" ", "\t")), maxLength: 20 });
    const value = fc.tuple(visible, inner, visible).map((parts) => parts.join(""));
    const padding = fc.string({ unit: fc.constantFrom(" ", "\t"), maxLength: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value, padding, padding), { maxLength: 20 }), (given) => {
        const lines = given.map(([name, value, before, after]) => `\r\n${name}:${before}${value}${after}`);
        const { fields } = parseRequestHead(`GET / HTTP/1.1${lines.join("")}`);
        assert.deepEqual(fields, given.flatMap(([name, value]) => [name, value]));
      }),
      { numRuns: 1000 },
    );
  });
});

describe("the beginning of a request's head", () => {
  const check = (text: string) => checkRequestBeginning(Buffer.from(text, "latin1"), 0);
  const hopeless = (text: string, code: ErrorCode = "malformed_request") =>
    assert.throws(() => check(text), throwing(code), JSON.stringify(text));

  it("is waited on for as long as it can become one", () => {
    const whole = "\r\nPOST /x HTTP/1.1\r\nHost: a\r\nX: \u00ff\r\n";
    for (let length = 1; length <= whole.length; length++) check(whole.slice(0, length));
    for (let length = 1; length <= whole.length - 2; length++) check(whole.slice(2, 2 + length));
    check("GET / HTTP/1.0\r\n");
  });

  it("is refused when it is another protocol's", () => {
    hopeless("\x16\x03\x01\x02\x00\x01"); // TLS
    hopeless("\0");
    hopeless(" ");
    hopeless("\t");
    hopeless("\x7f");
    hopeless("\x80\x2e\x01"); // TLS as SSL 2.0 began it
    hopeless("SSH-2.0-OpenSSH_9.6\r\n");
    hopeless("PRI * HTTP/2.0\r\n", "version_not_supported");
  });

  it("is refused once its line has come and is none", () => {
    hopeless("GET /\r\n");
    hopeless("GET  / HTTP/1.1\r\n");
    hopeless("G\u00c9T / HTTP/1.1\r\n");
    hopeless("GET / HTTP/1.1 \r\nHost: a");
    hopeless("GET / HTTP/3\r\nHost: a", "version_not_supported");
    hopeless("\rGET / HTTP/1.1\r\n");
  });

  it("is refused for a line that ends without CR, wherever it is", () => {
    hopeless("\n");
    hopeless("GET / HTTP/1.1\n");
    hopeless("\r\nGET / HTTP/1.1\n");
    hopeless("GET / HTTP/1.1\r\nHost: a\nX: y");
    hopeless("GET / HTTP/1.1\r\nHost: a\r\nX: y\n");
  });
});
