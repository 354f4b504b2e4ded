import { type Attack, get, message, type Seen } from "../attack.ts";

const plain = ["GET /lines HTTP/1.1", "Host: balancer.test"];
const seen = (fields: Seen["fields"] = {}): readonly Seen[] => [{ method: "GET", target: "/lines", fields }];

const refuse = (what: string, bytes: string, fields?: Seen["fields"]): Attack => ({
  name: `lines: ${what}`,
  rule: "refuse",
  bytes,
  seen: seen(fields),
});

const either = (what: string, bytes: string, fields?: Seen["fields"]): Attack => ({
  ...refuse(what, bytes, fields),
  rule: "either",
});

const field = (what: string, line: string, fields?: Seen["fields"]): Attack =>
  refuse(what, message([...plain, line]), fields);

/** Line ends, folds and bytes that a head must not have (RFC 9112 §2.2, §5.1, §5.2; RFC 9110 §5.5). */
export const lineEnds: readonly Attack[] = [
  either("bare LFs end the whole head", `${plain.join("\n")}\n\n`),
  either("a bare LF ends the request line", "GET /lines HTTP/1.1\nHost: balancer.test\r\n\r\n"),
  either("a bare LF ends a field", message(["GET /lines HTTP/1.1", "X-One: a\nHost: balancer.test"]), {
    "x-one": ["a"],
  }),
  either("a bare LF ends the head", "GET /lines HTTP/1.1\r\nHost: balancer.test\r\n\n"),
  either("a bare LF in a value begins a field", message([...plain, "X-One: a\nX-Two: b"]), {
    "x-one": ["a"],
    "x-two": ["b"],
  }),
  { ...refuse("bare CRs end the whole head", `${plain.join("\r")}\r\r`), isOpen: true },
  refuse("a bare CR ends the request line", "GET /lines HTTP/1.1\rHost: balancer.test\r\n\r\n"),
  field("a bare CR in a value", "X-One: a\rb", { "x-one": ["a b"] }),
  field("a bare CR in a value before what looks like a field", "X-One: a\rX-Two: b", { "x-two": [] }),
  field("a bare CR in a name", "X-\rOne: a"),
  field("a bare CR before the line end", "X-One: a\r"),
  either("a folded value", message([...plain, "X-One: a", " b"]), { b: [] }),
  either("a value folded with a tab", message([...plain, "X-One: a", "\tb"]), { b: [] }),
  either("a fold that looks like a field", message([...plain, "X-One: a", " X-Two: b"]), { "x-two": [] }),
  either("a fold before the first field", message([plain[0]!, " X-Two: b", plain[1]!]), { "x-two": [] }),
  field("a NUL in a value", "X-One: a\0b"),
  field("a NUL in a name", "X-\0One: a"),
  refuse("a NUL in the request line", message(["GET /li\0nes HTTP/1.1", plain[1]!])),
  refuse("a NUL before the request", `\0${message(plain)}`),
  field("an escape in a value", "X-One: a\x1b[31mb"),
  field("a DEL in a value", "X-One: a\x7fb"),
  field("a backspace in a value", "X-One: a\x08b"),
  field("a space before the colon", "X-One : a", { "x-one": [] }),
  field("a tab before the colon", "X-One\t: a", { "x-one": [] }),
  field("a space before the colon of Host", "Host : inner.test", { "x-forwarded-host": ["balancer.test"] }),
  field("a space in a name", "X One: a"),
  field("no colon", "nonsense"),
  field("a colon alone", ":"),
  field("an empty name", ": nameless"),
  field("a name in brackets", "X(One): a"),
  field("a name in quotes", '"X-One": a'),
  field("a name with a slash", "X/One: a"),
  field("a name with an at sign", "X@One: a"),
  field("a name beyond ASCII", "X-\xe9: a"),
  field("a name with a comma", "X,One: a"),
  either("an empty value", message([...plain, "X-One:"]), { "x-one": [""] }),
  either("a value of bytes beyond ASCII", message([...plain, "X-One: caf\xe9"])),
  either("a value of many spaces", message([...plain, `X-One:${" ".repeat(4000)}a`]), { "x-one": ["a"] }),
  either("empty lines before the request", `\r\n\r\n${message(plain)}`),
  refuse("a space before the request line", ` ${message(plain)}`),
  { ...refuse("a request line of HTTP/0.9", "GET /lines\r\n"), isOpen: true },
  refuse("a request line without a version", message(["GET /lines", plain[1]!])),
  refuse("a request line of four words", message(["GET /lines x HTTP/1.1", plain[1]!])),
  either("a request line of two spaces", message(["GET  /lines HTTP/1.1", plain[1]!])),
  refuse("a request line of tabs", message(["GET\t/lines\tHTTP/1.1", plain[1]!])),
  refuse("a space behind the version", message(["GET /lines HTTP/1.1 ", plain[1]!])),
  refuse("HTTP/2.0", message(["GET /lines HTTP/2.0", plain[1]!])),
  refuse("HTTP/3.7", message(["GET /lines HTTP/3.7", plain[1]!])),
  refuse("HTTP/1.10", message(["GET /lines HTTP/1.10", plain[1]!])),
  either("HTTP/1.2", message(["GET /lines HTTP/1.2", plain[1]!])),
  refuse("HTTP/11", message(["GET /lines HTTP/11", plain[1]!])),
  refuse("a protocol in small letters", message(["GET /lines http/1.1", plain[1]!])),
  refuse("another protocol", message(["GET /lines ICAP/1.0", plain[1]!])),
  // Methods are case-sensitive: "get" is not GET, and may be a method of its own.
  {
    ...either("a method in small letters", message(["get /lines HTTP/1.1", plain[1]!])),
    seen: [{ method: "get", target: "/lines" }],
  },
  refuse("a method with a NUL", message(["GE\0T /lines HTTP/1.1", plain[1]!])),
  refuse("a method in brackets", message(["(GET) /lines HTTP/1.1", plain[1]!])),
  refuse("a method of 20 kB", message([`${"G".repeat(20_000)} /lines HTTP/1.1`, plain[1]!])),
  refuse("a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
  refuse("the head of a PROXY protocol", `PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n${message(plain)}`),
  either("a control character behind the head", `${get("/lines")}\x04`),
];
