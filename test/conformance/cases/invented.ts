import assert from "node:assert/strict";
import type { Field } from "../../support/http1.ts";
import type { RequestOptions } from "../../support/raw-client.ts";
import { runtimeColumns, runtimesPage, tablesOf } from "../../support/runtimes-page.ts";
import type { ConformanceCase } from "../case.ts";
import type { RuntimeName } from "../runtimes.ts";
import { plain } from "../stages.ts";
import { byDenoServe } from "./by-deno-serve.ts";
import { overTls } from "./over-tls.ts";

/** What every request gets on its way (RFC 9110 §7.6), whatever the runtime. */
const own = [
  "host",
  "via",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-request-id",
];
const framing = ["content-length", "transfer-encoding"];

/** Requests by what they have in common. */
const requests: Readonly<Record<string, readonly RequestOptions[]>> = {
  "a GET or HEAD": [{}, { method: "HEAD" }, { target: "/a?b" }],
  "a POST, PUT or PATCH that says no length": [{ method: "POST" }, { method: "PUT" }, { method: "PATCH" }],
  "a DELETE or OPTIONS that says no length": [{ method: "DELETE" }, { method: "OPTIONS" }],
  "a request with a body": [{ method: "POST", body: "body" }, { method: "DELETE", body: "body" }, {
    method: "PUT",
    body: "b".repeat(100_000),
  }],
};

interface AnswerScene {
  readonly method?: string;
  readonly fields?: readonly Field[];
  readonly answer: string;
}

const text = "Content-Type: text/plain\r\n";
const large = "t".repeat(100_000);
const asking = { fields: [["Accept-Encoding", "gzip, br"], ["Accept", "*/*"]] as const };

/** Answers by what they have in common. */
const answers: Readonly<Record<string, readonly AnswerScene[]>> = {
  "an answer with a body": [
    { answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
    { answer: `HTTP/1.1 404 Not Found\r\n${text}Content-Length: 2\r\n\r\nno` },
    { answer: "HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", method: "POST" },
    { answer: "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" },
    { answer: `HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n${large}` },
    { ...asking, answer: `HTTP/1.1 200 OK\r\n${text}Content-Length: ${large.length}\r\n\r\n${large}` },
    { ...asking, answer: `HTTP/1.1 200 OK\r\n${text}Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n` },
    { answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" },
  ],
  "an answer without a body (204, 304)": [
    { answer: "HTTP/1.1 204 No Content\r\n\r\n" },
    { answer: 'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n' },
  ],
  "an answer to HEAD": [
    { method: "HEAD", answer: "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" },
    { method: "HEAD", answer: `HTTP/1.1 200 OK\r\n${text}Transfer-Encoding: chunked\r\n\r\n` },
    { method: "HEAD", answer: "HTTP/1.1 200 OK\r\n\r\n" },
  ],
};

const dated = "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\nServer: origin\r\nVary: x\r\n";

/** Names that are in `seen` and neither in `known` nor in `beside`. */
const strange = (seen: readonly Field[], known: readonly Field[], beside: readonly string[]): string[] => {
  const names = new Set([...known.map(([name]) => name.toLowerCase()), ...beside]);
  return seen.map(([name]) => name.toLowerCase()).filter((name) => !names.has(name));
};

/** How the page heads the column of the fields: of our own server, and of Deno's. */
type Heading = "field" | "field, by Deno.serve";

/** What the page says that a runtime invents, by occasion. */
function documented(runtime: RuntimeName, occasions: readonly string[], heading: Heading): Record<string, string[]> {
  const said: Record<string, string[]> = Object.fromEntries(occasions.map((occasion) => [occasion, []]));
  for (const { header, rows } of tablesOf(runtimesPage)) {
    if (header[0] !== "in" || header[1] !== heading) continue;
    const column = header.indexOf(runtimeColumns[runtime]);
    for (const row of rows) {
      const [occasion = "", field = ""] = row;
      const [, name = field] = /^`([^:`]+)/.exec(field) ?? [];
      if (occasion in said && row[column] === "yes") said[occasion]!.push(name.toLowerCase());
      else if (occasion in said) assert.equal(row[column], "no", `${occasion}: ${field}`);
      else assert.ok(occasion in requests || occasion in answers, `nobody tests ${occasion}`);
    }
  }
  for (const names of Object.values(said)) names.sort();
  return said;
}

const sorted = (names: ReadonlySet<string>) => [...names].sort();

const casesOf = (heading: Heading): readonly ConformanceCase[] => [
  {
    name: "invented: the backend gets no field that the client did not send, but those that the docs name",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const seen: Record<string, string[]> = {};
      for (const [occasion, list] of Object.entries(requests)) {
        const names = new Set<string>();
        for (const options of list) {
          backends.main.reset();
          assert.equal((await exchange(options)).status, 200);
          const beside = options.body === undefined ? own : [...own, ...framing];
          for (const name of strange(backends.main.arrivals[0]!.fields, [], beside)) names.add(name);
        }
        seen[occasion] = sorted(names);
      }
      assert.deepEqual(seen, documented(context.runtime, Object.keys(requests), "field"));
    },
  },
  {
    name: "invented: the client gets no field that the backend did not send, but those that the docs name",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const seen: Record<string, string[]> = {};
      for (const [occasion, list] of Object.entries(answers)) {
        const names = new Set<string>();
        for (const { answer, ...options } of list) {
          backends.main.handle(async (arrival) => {
            await arrival.body();
            arrival.write(answer);
          });
          const { fields, framing: { kind } } = await exchange(options);
          const lines = answer.split("\r\n\r\n")[0]!.split("\r\n").slice(1);
          const sent = lines.map((line): Field => [line.slice(0, line.indexOf(":")), ""]);
          // How a body would be sent says nothing where there is none.
          const beside = kind !== "none" ? framing : options.method === "HEAD" ? ["transfer-encoding"] : [];
          for (const name of strange(fields, sent, beside)) names.add(name);
        }
        seen[occasion] = sorted(names);
      }
      assert.deepEqual(seen, documented(context.runtime, Object.keys(answers), heading));
    },
  },
  {
    name: "invented: what the backend says of itself is never changed",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const [occasion, list] of Object.entries(answers)) {
        for (const { answer, ...options } of list) {
          backends.main.handle(async (arrival) => {
            await arrival.body();
            arrival.write(answer.replace("\r\n", `\r\n${dated}`));
          });
          const response = await exchange(options);
          assert.deepEqual(response.all("date"), ["Sat, 01 Jan 2000 00:00:00 GMT"], occasion);
          assert.deepEqual(response.all("server"), ["origin"], occasion);
          assert.deepEqual(response.all("vary"), ["x"], occasion);
        }
      }
    },
  },
];

export const inventedCases: readonly ConformanceCase[] = [
  ...casesOf("field"),
  ...casesOf("field").map(overTls),
  ...casesOf("field, by Deno.serve").map((one) => byDenoServe(one)),
];
