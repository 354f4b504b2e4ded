/** Which requests a client's bytes are, whatever they are and however they come. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { describe, it } from "node:test";
import fc from "fast-check";
import { serveConnection } from "../../../src/server/connection.ts";
import { type Answering, createApp, limits, manualAlarms, plainWire } from "../../server/serving.ts";
import { cutAt, latin1 } from "../../transports/http1/reading.ts";
import { runs } from "./asks.ts";

/** A request, bytes in Latin-1. */
interface Asked {
  readonly method: string;
  readonly target: string;
  /** Name, value, name, value. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** What came of a client's bytes. */
interface Outcome {
  /** Those of which all has come. */
  readonly requests: readonly Asked[];
  /** Whether the connection was ended, with a refusal or without. */
  readonly ended: boolean;
}

const origin = { address: "192.0.2.1", port: 8080, secure: false };
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Gives the bytes to a connection. @param apart whether each read comes when all is done that could be done before it */
async function serve(pieces: readonly Uint8Array[], apart: boolean): Promise<Outcome> {
  const requests: Asked[] = [];
  const answering: Answering = async ({ request, raw }) => {
    const { method } = request;
    const fields: string[] = [];
    raw.headers.forEach((value, name) => void fields.push(name, value));
    raw.ask?.();
    try {
      const body = request.body === null ? "" : Buffer.from(await request.arrayBuffer()).toString("latin1");
      requests.push({ method, target: raw.target, fields, body });
    } catch {
      // The body broke: it is no request.
    }
    return new Response(null);
  };
  const wire = plainWire();
  serveConnection(wire.socket, origin, createApp(answering, [], []), limits, manualAlarms());
  for (const piece of pieces) {
    wire.say(piece);
    if (apart) await nextTurn();
  }
  for (let turn = 0; turn < 3; turn++) await nextTurn();
  return { requests, ended: wire.isOver() };
}

const tokenCharacters = new Set("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
const digits = new Set("0123456789");
const hexDigits = new Set("0123456789ABCDEFabcdef");
const isAllOf = (text: string, set: ReadonlySet<string>) => text !== "" && [...text].every((each) => set.has(each));
/** Bytes beyond ASCII, which the standard has in no target, are the backend's affair: nobody takes them for a line's end. */
const isVisible = (text: string) => text !== "" && [...text].every((each) => each > " " && each !== "\x7f");
const isText = (text: string) => [...text].every((each) => each === "\t" || (each >= " " && each !== "\x7f"));

class Invalid extends Error {}

function demand(condition: boolean): asserts condition {
  if (!condition) throw new Invalid();
}

const withoutSpaceBehind = (text: string): string =>
  text.endsWith(" ") || text.endsWith("\t") ? withoutSpaceBehind(text.slice(0, -1)) : text;

/** Field lines (RFC 9112 §5): name, value, name, value. */
function readFields(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const colon = line.indexOf(":");
    demand(colon > 0);
    const name = line.slice(0, colon);
    let value = withoutSpaceBehind(line.slice(colon + 1));
    demand(isAllOf(name, tokenCharacters) && isText(value));
    while (value.startsWith(" ") || value.startsWith("\t")) value = value.slice(1);
    return [name, value];
  });
}

/** The lines before an empty one, and what comes after it; `undefined`: there is no empty line. */
function readLines(text: string): readonly [lines: string[], rest: string] | undefined {
  if (text.startsWith("\r\n")) return [[], text.slice(2)];
  const end = text.indexOf("\r\n\r\n");
  return end < 0 ? undefined : [text.slice(0, end).split("\r\n"), text.slice(end + 4)];
}

/** A body in chunks (RFC 9112 §7.1), and what comes after it; `undefined`: it is not whole. */
function readChunks(text: string): readonly [body: string, rest: string] | undefined {
  let body = "";
  for (let rest = text;;) {
    const end = rest.indexOf("\r\n");
    if (end < 0) return undefined;
    const line = rest.slice(0, end);
    const semicolon = line.indexOf(";");
    const size = semicolon < 0 ? line : withoutSpaceBehind(line.slice(0, semicolon));
    demand(isAllOf(size, hexDigits) && isText(line));
    rest = rest.slice(end + 2);
    const bytes = BigInt(`0x${size}`);
    if (bytes === 0n) {
      const trailers = readLines(rest);
      if (trailers === undefined) return undefined;
      readFields(trailers[0]);
      return [body, trailers[1]];
    }
    if (bytes > rest.length) return undefined;
    body += rest.slice(0, Number(bytes));
    rest = rest.slice(Number(bytes));
    demand("\r\n".startsWith(rest.slice(0, 2)));
    if (rest.length < 2) return undefined;
    rest = rest.slice(2);
  }
}

/** The next request, and what comes after it; `undefined`: it is not whole. */
function readOne(text: string): readonly [request: Asked, rest: string] | undefined {
  const head = readLines(text);
  if (head === undefined) return undefined;
  const [[line = "", ...fieldLines], rest] = head;
  const [method = "", target = "", version = "", ...more] = line.split(" ");
  demand(more.length === 0 && isAllOf(method, tokenCharacters) && isVisible(target));
  demand(version === "HTTP/1.1" || version === "HTTP/1.0");
  const fields = readFields(fieldLines);
  const all = (name: string) =>
    fields.filter((_, index) => index % 2 === 1 && fields[index - 1]!.toLowerCase() === name);
  const [lengths, codings] = [all("content-length"), all("transfer-encoding")];
  // Whether there is a Host is for whoever routes; two of them are two requests in one (RFC 9112 §3.2).
  demand(all("host").length <= 1 && lengths.length + codings.length <= 1);
  if (codings.length > 0) {
    demand(codings[0]!.toLowerCase() === "chunked" && version === "HTTP/1.1");
    const read = readChunks(rest);
    return read && [{ method, target, fields, body: read[0] }, read[1]];
  }
  demand(lengths.every((length) => isAllOf(length, digits)));
  const length = BigInt(lengths[0] ?? 0);
  if (length > rest.length) return undefined;
  return [{ method, target, fields, body: rest.slice(0, Number(length)) }, rest.slice(Number(length))];
}

/** The requests in a client's bytes as the standard has them, as far as there is one way to read them. */
function readAll(text: string): { readonly requests: readonly Asked[]; readonly isValid: boolean } {
  const requests: Asked[] = [];
  try {
    for (let rest = text;;) {
      while (rest.startsWith("\r\n")) rest = rest.slice(2);
      const read = readOne(rest);
      if (read === undefined) return { requests, isValid: true };
      requests.push(read[0]);
      rest = read[1];
    }
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    return { requests, isValid: false };
  }
}

const oneOf = (...words: readonly string[]) => fc.constantFrom(...words);
const text = (characters: string, maxLength: number) => fc.string({ unit: oneOf(...characters), maxLength });
const hidden = "POST /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n";

/** What may stand in a body: anything, and what would be a request if it stood elsewhere. */
const bodies = fc.oneof(
  text("ab\r\n0;: \0\u00ff", 30),
  oneOf(hidden, `0\r\n\r\n${hidden}`, `\r\n${hidden}`, "0\r\n\r\n", "5\r\n"),
);
const otherFields = fc.array(
  oneOf("X: y", "X:", "Accept:\t*/* ", "Cookie: a=\u00e9", "X-Length: 5", "Content-Lengths: 5", "TE: trailers"),
  { maxLength: 3 },
);
const chunks = fc.array(
  fc.tuple(bodies.filter((body) => body !== ""), oneOf("", ";a", ";a=b", ' ; a="b;c"', "\t;x"), oneOf("", "0", "000")),
  { maxLength: 4 },
);
const trailers = fc.array(oneOf("X-Sum: 1", "Content-Length: 7", "Transfer-Encoding: chunked"), { maxLength: 2 });
const lines = (list: readonly string[]) => list.map((line) => `${line}\r\n`).join("");

/** A request in its parts, so that each can be damaged. */
interface Form {
  /** Empty lines before it. */
  readonly before: string;
  readonly start: string;
  readonly fields: readonly string[];
  readonly body: string;
}

const starts = fc
  .tuple(oneOf("POST", "PUT", "DELETE", "M-SEARCH", "!"), oneOf("/", "/a?b", "//", "*", "http://b.test/", "/#\\"))
  .map((parts) => parts.join(" "));

const forms: fc.Arbitrary<Form> = fc
  .tuple(
    oneOf("", "", "", "\r\n", "\r\n\r\n"),
    starts,
    otherFields,
    fc.oneof(
      fc.constant({ framing: [], body: "" }),
      fc.tuple(bodies, oneOf("", "0", "00")).map(([body, zeros]) => ({
        framing: [`Content-Length: ${zeros}${body.length}`],
        body,
      })),
      fc.tuple(chunks, trailers).map(([list, trailers]) => ({
        framing: ["Transfer-Encoding: chunked"],
        body: list.map(([data, extension, zeros]) => `${zeros}${data.length.toString(16)}${extension}\r\n${data}\r\n`)
          .join("") + `0\r\n${lines(trailers)}\r\n`,
      })),
    ),
    fc.boolean(),
  )
  .map(([before, start, fields, { framing, body }, early]) => ({
    before,
    start: `${start} HTTP/1.1`,
    fields: ["Host: a.test", ...(early ? [...framing, ...fields] : [...fields, ...framing])],
    body,
  }));

const written = ({ before, start, fields, body }: Form) => `${before}${start}\r\n${lines(fields)}\r\n${body}`;

/** A change to a request's parts that should make it another one, or none. */
const damages: fc.Arbitrary<(form: Form) => Form> = fc.oneof(
  fc.tuple(fc.nat(), fc.boolean()).map(([at, last]) => ({ fields, ...rest }: Form) => ({
    ...rest,
    fields: last ? [...fields, fields[at % fields.length]!] : [fields[at % fields.length]!, ...fields],
  })),
  oneOf(
    "Content-Length: 5",
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "Transfer-Encoding: identity",
    "transfer-encoding : chunked",
    "Transfer-Encoding:\vchunked",
    "Transfer-Encoding:chunked, chunked",
    " Transfer-Encoding: chunked",
    "X\rTransfer-Encoding: chunked",
    "X: y\nContent-Length: 5",
    "Content-Length\0: 5",
    "Content_Length: 5",
    "Host: b.test",
    "Connection: close",
    "Connection: Content-Length",
    "Connection: Upgrade",
    "Upgrade: h2c",
    "Expect: 100-continue",
    "Expect: 200",
    "",
  ).map((line) => ({ fields, ...rest }: Form) => ({ ...rest, fields: [...fields, line] })),
  oneOf("+$", "-$", "0x$", "$, $", "$,", " $ ", "$ 0", "$.0", "$e0", '"$"', "$\t", "$\v", "1$", "0000000000000000$", "")
    .map((form) => ({ fields, ...rest }: Form) => ({
      ...rest,
      fields: fields.map((line) =>
        line.replace(/^(Content-Length: )(.*)$/, (_, name, value) => name + form.replaceAll("$", value))
      ),
    })),
  oneOf("Chunked", "chunked ", "gzip, chunked", "chunked, gzip", "xchunked", "chunked;a", '"chunked"', "chun ked", "")
    .map((coding) => ({ fields, ...rest }: Form) => ({
      ...rest,
      fields: fields.map((line) => line.replace(/^(Transfer-Encoding: ).*$/, (_, name) => name + coding)),
    })),
  fc.tuple(
    oneOf(
      "+$",
      "-$",
      "0x$",
      "$ ",
      " $",
      "$\t",
      "$;",
      "$;\n",
      "$;\r",
      "$;\0",
      "$x",
      "",
      "fffffffffffff$",
      "1$",
      "$h",
      "$,",
    ),
    fc.boolean(),
  ).map(([form, first]) => ({ body, ...rest }: Form) => ({
    ...rest,
    body: body.replace(
      first ? /^([0-9a-f]+)/ : /(?<=\r\n)([0-9a-f]+)(?=(?:;[^\r]*)?\r\n)/,
      (size) => form.replaceAll("$", size),
    ),
  })),
  oneOf(
    "HTTP/1.0",
    "HTTP/1.2",
    "HTTP/2.0",
    "http/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1\t",
    "\tHTTP/1.1",
    "",
    "HTTP/1.1 HTTP/1.1",
  )
    .map((version) => ({ start, ...rest }: Form) => ({ ...rest, start: start.replace("HTTP/1.1", () => version) })),
);

/** A change to bytes, wherever they are. */
const scratches = fc
  .tuple(
    fc.nat(),
    oneOf("\r", "\n", "\r\n", "\n\n", "\r\n\r\n", "\0", " ", "\t", "\v", ":", "0", "1", ",", "\u00a0", ""),
    fc.nat(2),
    fc.boolean(),
  )
  .map(([place, put, length, atLineEnd]) => (bytes: string) => {
    const ends = atLineEnd ? [...bytes.matchAll(/\r|\n/g)].map(({ index }) => index) : [];
    const at = ends.length > 0 ? ends[place % ends.length]! : place % (bytes.length + 1);
    return bytes.slice(0, at) + put + bytes.slice(at + length);
  });

const wholeOnes = fc.array(forms, { minLength: 1, maxLength: 4 });

const damaged = fc
  .tuple(
    wholeOnes,
    fc.array(fc.tuple(fc.nat(3), damages), { maxLength: 2 }),
    fc.array(scratches, { maxLength: 2 }),
    fc.option(fc.nat(), { freq: 5 }),
  )
  .map(([list, changes, scratches, end]) => {
    const changed = [...list];
    for (const [at, damage] of changes) {
      const index = at % changed.length;
      changed[index] = damage(changed[index]!);
    }
    let bytes = changed.map(written).join("");
    for (const scratch of scratches) bytes = scratch(bytes);
    return end === null ? bytes : bytes.slice(0, end % (bytes.length + 1));
  });

const places = fc.array(fc.nat(600), { maxLength: 10 });

describe("a client's bytes", () => {
  it("that are whole requests are those requests, and the connection stays", async () => {
    await fc.assert(
      fc.asyncProperty(wholeOnes, places, fc.boolean(), async (list, cuts, apart) => {
        const bytes = list.map(written).join("");
        const { requests, ended } = await serve(cutAt(latin1(bytes), cuts), apart);
        assert.equal(ended, false);
        assert.deepEqual(
          requests.map(({ method, target }) => `${method} ${target} HTTP/1.1`),
          list.map(({ start }) => start),
        );
        assert.deepEqual(requests, readAll(bytes).requests);
      }),
      runs,
    );
  });

  it("are the same requests however they are cut into reads, or end the connection all the same", async () => {
    await fc.assert(
      fc.asyncProperty(damaged, places, fc.boolean(), async (bytes, cuts, apart) => {
        const whole = await serve([latin1(bytes)], false);
        assert.deepEqual(await serve(cutAt(latin1(bytes), cuts), apart), whole);
        if (bytes.length < 60) {
          assert.deepEqual(await serve([...latin1(bytes)].map((byte) => Uint8Array.of(byte)), apart), whole);
        }
      }),
      runs,
    );
  });

  it("are the requests that the standard finds in them and no others, or end the connection", async () => {
    let kept = 0;
    await fc.assert(
      fc.asyncProperty(damaged, places, async (bytes, cuts) => {
        const { requests, ended } = await serve(cutAt(latin1(bytes), cuts), false);
        const expected = readAll(bytes);
        assert.deepEqual(requests, expected.requests.slice(0, requests.length));
        if (ended) return;
        kept += 1;
        assert.equal(requests.length, expected.requests.length);
        assert.ok(expected.isValid, "what cannot be read in one way was waited on");
      }),
      runs,
    );
    assert.ok(
      kept > runs.numRuns / 20,
      `only ${kept} of ${runs.numRuns} connections were kept: there is little to compare`,
    );
  });
});

/** How an app answers. */
const answerings = oneOf(
  "at once",
  "with a stream",
  "with a broken stream",
  "never",
  "with a failure",
  "reading",
  "long",
);

function answer(kind: string): Answering {
  return ({ request }) => {
    const started = (act: (controller: ReadableStreamDefaultController<Uint8Array>) => void) =>
      new Response(
        new ReadableStream<Uint8Array>({
          start(controller) {
            controller.enqueue(latin1("abc"));
            act(controller);
          },
        }),
      );
    switch (kind) {
      case "with a stream":
        return started((controller) => controller.close());
      case "with a broken stream":
        return started((controller) => queueMicrotask(() => controller.error(new Error("it breaks"))));
      case "never":
        return new Promise<Response>(() => {});
      case "with a failure":
        return Promise.reject(new Error("it fails"));
      case "reading":
        return request.arrayBuffer().then(() => new Response(null), () => new Response(null));
      case "long":
        return started(() => {});
      default:
        return new Response(null);
    }
  };
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("say" as const), damaged) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("turn" as const), fc.constant("")) },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom("leave", "stall", "takeOn", "ring", "close", "cut"), fc.constant("")),
  },
);

describe("a connection's handlers", () => {
  it("throw nothing, and leave nothing behind, whatever happens in whatever order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(answerings, { minLength: 1 }),
        async (steps, kinds) => {
          const wire = plainWire();
          const alarms = manualAlarms();
          const ends: number[] = [];
          const answering: Answering = (heard) => {
            const index = ends.push(0) - 1;
            heard.client.onLeave(() => void (ends[index]! += 1));
            return answer(kinds[index % kinds.length]!)(heard);
          };
          const connection = serveConnection(wire.socket, origin, createApp(answering, [], []), limits, alarms);
          for (const [what, bytes] of steps) {
            if (what === "say") wire.say(latin1(bytes));
            else if (what === "turn") await nextTurn();
            else if (what === "ring") {
              if (alarms.due() !== undefined) alarms.ring();
            } else if (what === "close" || what === "cut") connection[what]();
            else wire[what as "leave" | "stall" | "takeOn"]();
          }
          await nextTurn();
          connection.cut();
          for (let turn = 0; turn < 3; turn++) await nextTurn();
          assert.equal(alarms.count(), 0);
          assert.deepEqual(ends, ends.map(() => 1), "each exchange's end is told once");
        },
      ),
      runs,
    );
  });
});
