/** What goes on to a backend, and what is read of its answer, whatever bytes come in. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ProxyError } from "../../../src/core/errors.ts";
import { hopByHopNames, rawFields } from "../../../src/core/fields.ts";
import type { Incoming, Outgoing } from "../../../src/core/ports.ts";
import { editRequest, type Sender } from "../../../src/proxy/headers.ts";
import type { Inspected } from "../../../src/proxy/inspect.ts";
import { parseHead } from "../../../src/transports/http1/head.ts";
import { requestHead } from "../../../src/transports/http1/request.ts";
import { type Ask, asks, bytes, fieldsOf, inspected, lines, lists, names, runs, values } from "./asks.ts";

const never = /^(?:connection|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade|expect)$/;
const ours = ["x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "via", "x-request-id"];
const token = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const head = new RegExp(`^${token} [\\x21-\\xff]+ HTTP/1\\.1\\r\\n(?:${token}:[^\\0\\r\\n]*\\r\\n)+\\r\\n$`);

/** The head that a backend gets, by its lines. */
function sent(
  ask: Ask,
  asked: Inspected,
  trusted: boolean,
): { readonly text: string; readonly lines: readonly [string, string][] } {
  const sender: Sender = {
    address: "192.0.2.1",
    trusted,
    proto: "http",
    host: asked.host,
    port: 8080,
    requestId: "id-1",
  };
  const incoming: Incoming = { method: asked.method, headers: fieldsOf(ask), body: undefined, onAbort: () => () => {} };
  const headers = editRequest(incoming.headers, sender, {});
  const outgoing = { target: asked.path + asked.query, headers } as unknown as Outgoing;
  const text = requestHead(incoming, outgoing, "backend.test");
  const fields = text.split("\r\n").slice(1, -2).map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 2)];
  });
  return { text, lines: fields };
}

describe("the head that a backend gets", () => {
  const each = (property: (head: ReturnType<typeof sent>, ask: Ask) => void) =>
    fc.assert(
      fc.property(asks, fc.boolean(), (ask, trusted) => {
        const asked = inspected(ask);
        if (asked !== undefined) property(sent(ask, asked, trusted), ask);
      }),
      runs,
    );

  it("is one head, whose lines end where they are meant to", () => each(({ text }) => assert.match(text, head)));

  it("has none of the fields that go no further, nor those that Connection names", () => {
    each(({ lines }, ask) => {
      const connection = fieldsOf(ask).get("connection") ?? "";
      const named = new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
      for (const [name] of lines) {
        assert.doesNotMatch(name, never);
        assert.ok(!named.has(name) || [...ours, "host", "content-length"].includes(name), name);
      }
    });
  });

  it("has one Host and one of each of ours, and no length that no body has", () => {
    each(({ lines }) => {
      for (const name of ["host", ...ours]) assert.equal(lines.filter(([other]) => other === name).length, 1, name);
      assert.deepEqual(lines.find(([name]) => name === "host"), ["host", "backend.test"]);
      for (const [, value] of lines.filter(([name]) => name === "content-length")) assert.equal(value, "0");
    });
  });

  it("has every other field as it came", () => {
    each(({ lines }, ask) => {
      const dropped = hopByHopNames(fieldsOf(ask).get("connection"));
      for (const [name, value] of ask.fields) {
        const lower = name.toLowerCase();
        if (["host", "expect", "forwarded", "content-length", ...ours].includes(lower) || dropped.has(lower)) continue;
        const expected = lower === "cookie" ? fieldsOf(ask).get("cookie") : value; // several are joined
        assert.ok(lines.some(([other, kept]) => other === lower && kept === expected), `${name}: ${value}`);
      }
    });
  });
});

describe("fields", () => {
  it("that Connection names are names, whatever it says", () => {
    fc.assert(
      fc.property(fc.option(lists), (connection) => {
        for (const name of hopByHopNames(connection)) assert.match(name, new RegExp(`^${token}$`));
      }),
      runs,
    );
  });

  it("as a parser gives them are read as Headers read them", () => {
    fc.assert(
      fc.property(lines, names, (given, name) => {
        const raw = rawFields(given.flat());
        const headers = new Headers(given.map(([key, value]): [string, string] => [key, value]));
        const lower = name.toLowerCase();
        assert.equal(raw.has(lower), headers.has(lower));
        if (lower !== "cookie") assert.equal(raw.get(lower), headers.get(lower));
      }),
      runs,
    );
  });
});

describe("the head that a backend answers with", () => {
  const starts = fc.oneof(fc.constantFrom("HTTP/1.1 200 OK", "HTTP/1.0 204", "HTTP/1.1 304 "), bytes());
  const answerLines = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom("Content-Length", "Transfer-Encoding", "Connection", "X"),
        fc.oneof(fc.constantFrom("chunked", "0", "4", "close"), values),
      )
        .map((pair) => pair.join(": ")),
      bytes(),
    ),
    { maxLength: 5 },
  );

  it("is read in one way or refused", () => {
    fc.assert(
      fc.property(starts, answerLines, fc.constantFrom("GET", "HEAD"), (start, rest, method) => {
        const text = [start, ...rest].join("\r\n");
        try {
          const { status, fields, framing } = parseHead(text, method);
          assert.ok(status >= 0 && status <= 999);
          for (const part of fields) assert.doesNotMatch(part, /[^\t\x20-\x7e\x80-\xff]/);
          if (typeof framing === "number") assert.ok(Number.isSafeInteger(framing) && framing >= 0);
        } catch (error) {
          assert.ok(error instanceof ProxyError && error.code === "http_protocol_error", String(error));
        }
      }),
      runs,
    );
  });
});
