import assert from "node:assert/strict";
import type { Field } from "../../support/http1.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

const bySet = "Headers sorts them by name and writes names in lower case";

/** What is left of these fields, in its order and spelling. */
const only = (fields: readonly Field[], names: readonly Field[]): Field[] => {
  const wanted = new Set(names.map(([name]) => name.toLowerCase()));
  return fields.filter(([name]) => wanted.has(name.toLowerCase()));
};

const mixed: readonly Field[] = [
  ["X-Zulu", "1"],
  ["x-alpha", "2"],
  ["X-MIKE", "3"],
  ["Accept", "text/x-first"],
  ["X-Zulu", "4"],
  ["ETag", '"5"'],
];

const many = Array.from({ length: 150 }, (_, index): Field => [`X-${index}`, `value ${index}`]);

export const fidelityCases: readonly ConformanceCase[] = [
  {
    name: "fidelity: fields of a request keep their order and their spelling, and repeated ones their lines",
    gaps: { workers: bySet },
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: mixed });
      assert.deepEqual(only(backends.main.arrivals[0]!.fields, mixed), mixed);
    },
  },
  {
    name: "fidelity: fields of an answer keep their order and their spelling, and repeated ones their lines",
    gaps: { workers: bySet },
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const body of ["small", "large".repeat(60_000)]) {
        backends.main.handle((arrival) => arrival.answer(200, mixed, body));
        assert.deepEqual(only((await exchange()).fields, mixed), mixed);
      }
    },
  },
  {
    name: "fidelity: 150 fields of a request pass",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: many });
      for (const [name, value] of many) assert.equal(backends.main.arrivals[0]?.field(name), value);
    },
  },
  {
    name: "fidelity: 150 fields of an answer pass",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, many, "ok"));
      const response = await exchange();
      for (const [name, value] of many) assert.equal(response.field(name), value);
    },
  },
  {
    name: "fidelity: a status's reason passes as it is",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.write("HTTP/1.1 200 Very Fine\r\nContent-Length: 2\r\n\r\nok"));
      assert.equal((await exchange()).start, "HTTP/1.1 200 Very Fine");
    },
  },
  {
    name: "fidelity: two Cookie lines become one, joined by a semicolon",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: [["Cookie", "a=1; b=2"], ["X-Between", "x"], ["cookie", "c=3"], ["Cookie", "d=4"]] });
      assert.deepEqual(backends.main.arrivals[0]?.all("cookie"), ["a=1; b=2; c=3; d=4"]);
    },
  },
  {
    name: "fidelity: one Cookie line arrives as it came, whatever it holds",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const cookie of ["a=1;b=2", 'a="1, 2"', 'prefs={"x":1, "y":[2,3]}', "a", "=b", "a=b=c; ", "a=caf\u00e9"]) {
        backends.main.reset();
        await exchange({ fields: [["Cookie", cookie]] });
        assert.deepEqual(backends.main.arrivals[0]?.all("cookie"), [cookie.trim()]);
      }
    },
  },
  {
    name: "fidelity: a GET, a HEAD and a DELETE with a body are forwarded whole or refused with 400, never emptied",
    async run(context) {
      const { connect, exchange, backends } = await context.stage(plain);
      for (const method of ["GET", "HEAD", "DELETE", "OPTIONS"]) {
        for (
          const rest of ["Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
        ) {
          backends.main.reset();
          const client = await connect();
          await client.send(`${method} / HTTP/1.1\r\nHost: balancer.test\r\n${rest}`);
          const { status } = await client.response(method);
          const [arrival, ...others] = backends.main.arrivals;
          assert.equal(others.length, 0);
          if (arrival === undefined) assert.equal(status, 400, `${method} is refused`);
          else assert.deepEqual([status, (await arrival.body()).bytes.toString()], [200, "hello"], method);
        }
      }
      assert.equal((await exchange()).status, 200);
    },
  },
  {
    name: "fidelity: known lengths stay known on the way to the backend, also 0",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"]) {
        for (const length of [1, 1000, 70_000]) {
          backends.main.reset();
          await exchange({ method, body: "b".repeat(length) });
          const arrival = backends.main.arrivals[0]!;
          assert.deepEqual(
            [arrival.all("content-length"), arrival.all("transfer-encoding")],
            [[`${length}`], []],
            method,
          );
          assert.equal((await arrival.body()).bytes.length, length);
        }
      }
      backends.main.reset();
      await exchange({ method: "POST", body: "" });
      assert.deepEqual(backends.main.arrivals[0]!.all("content-length"), ["0"]);
    },
  },
  {
    name: "fidelity: known lengths stay known on the way to the client, where the body comes with its head",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const length of [0, 1, 1000, 10_000]) {
        backends.main.handle((arrival) => arrival.answer(200, [["Content-Type", "text/plain"]], "b".repeat(length)));
        const response = await exchange();
        assert.deepEqual([response.all("content-length"), response.all("transfer-encoding")], [[`${length}`], []]);
      }
    },
  },
  {
    name: "fidelity: an answer without a Content-Type keeps its length",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const length of [0, 1, 1000, 10_000]) {
        backends.main.handle((arrival) => arrival.answer(200, [], "b".repeat(length)));
        assert.deepEqual((await exchange()).all("content-length"), [`${length}`]);
      }
    },
  },
  {
    name: "fidelity: an answer to HEAD says the length that its backend says, and none where it says none",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (
        const length of ["Content-Length: 0\r\n", "Content-Length: 5000000\r\n", "Transfer-Encoding: chunked\r\n", ""]
      ) {
        backends.main.handle((arrival) => arrival.write(`HTTP/1.1 200 OK\r\n${length}\r\n`));
        const response = await exchange({ method: "HEAD" });
        const expected = /^Content-Length: (\d+)/.exec(length)?.[1];
        assert.equal(response.field("content-length"), expected, JSON.stringify(length));
      }
    },
  },
  {
    name: "fidelity: a 304 keeps the length that its backend says",
    gaps: { workers: "workerd takes the Content-Length from a 304" },
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.write('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 50\r\n\r\n')
      );
      assert.equal((await exchange()).field("content-length"), "50");
    },
  },
  {
    name: "fidelity: answers of the balancer's own say their length",
    async run(context) {
      const { exchange } = await context.stage(plain);
      for (const fields of [[], [["Accept", "application/json"]]] as const) {
        const response = await exchange({ host: "nowhere.test", target: "/else", fields });
        assert.equal(response.status, 404);
        assert.equal(response.field("content-length"), `${response.body.length}`);
      }
    },
  },
  {
    name: "fidelity: a method that nobody has heard of passes",
    gaps: { workers: "workerd answers it with 501" },
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const method of ["LINK", "PURGE", "SEARCH"]) {
        assert.equal((await exchange({ method })).status, 200, method);
        assert.equal(backends.main.arrivals.at(-1)?.method, method);
      }
    },
  },
];
