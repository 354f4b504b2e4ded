import assert from "node:assert/strict";
import { within } from "../../support/wait.ts";
import { bytesOf, createCountedBody, createHandBody, noise, sees, settled, sha } from "./bytes.ts";
import type { SendOptions, TransportCase } from "./case.ts";

const withBody = ["POST", "PUT", "PATCH", "DELETE", "QUERY"];

/** How a body is announced: by its length, or not at all. */
const framings = [
  { what: "a body of known length", lengthOf: (bytes: number): SendOptions["length"] => bytes },
  { what: "a chunked body", lengthOf: (): SendOptions["length"] => "chunked" },
] as const;

export const requestBodyCases: readonly TransportCase[] = [
  {
    name: "upload: a body of known length goes with Content-Length and without chunks",
    async run({ backend, send }) {
      const main = await backend();
      for (const method of withBody) {
        await bytesOf(await send(main, { method, body: "hello" }).answer);
        const arrival = main.arrivals.at(-1);
        assert.deepEqual(arrival?.all("content-length"), ["5"], method);
        assert.deepEqual(arrival?.all("transfer-encoding"), [], method);
        assert.equal((await arrival?.body())?.bytes.toString(), "hello", method);
      }
    },
  },
  {
    name: "upload: a body of unknown length goes chunked and without Content-Length",
    async run({ backend, send }) {
      const main = await backend();
      for (const method of withBody) {
        await bytesOf(await send(main, { method, body: "hello", length: "chunked" }).answer);
        const arrival = main.arrivals.at(-1);
        assert.deepEqual(arrival?.all("content-length"), [], method);
        assert.deepEqual(arrival?.all("transfer-encoding"), ["chunked"], method);
        assert.deepEqual(await arrival?.body(), { bytes: Buffer.from("hello"), complete: true }, method);
      }
    },
  },
  {
    name: "upload: a Content-Length that the body does not vouch for never contradicts what is sent",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main, { body: "hello", length: "chunked", fields: [["content-length", "3"]] }).answer);
      const [arrival] = main.arrivals;
      assert.deepEqual([arrival?.all("content-length"), arrival?.all("transfer-encoding")], [[], ["chunked"]]);
      assert.equal((await arrival?.body())?.bytes.toString(), "hello");
    },
  },
  {
    name: "upload: a request without a body has no chunked body, whatever its method",
    async run({ backend, send }) {
      const main = await backend();
      for (const method of ["GET", "HEAD", "OPTIONS", ...withBody]) {
        for (const length of [undefined, 0]) {
          await bytesOf(await send(main, { method, ...(length === undefined ? {} : { length }) }).answer);
          const arrival = main.arrivals.at(-1);
          assert.deepEqual(arrival?.all("transfer-encoding"), [], method);
          assert.ok(["", "0"].includes(arrival?.all("content-length").join() ?? "?"), method);
        }
      }
    },
  },
  {
    name: "upload: an empty chunked body, and empty pieces within one, end nothing too early",
    async run({ backend, send }) {
      const main = await backend();
      await bytesOf(await send(main, { body: "", length: "chunked" }).answer);
      assert.equal((await main.arrivals[0]?.body())?.complete, true);
      const body = createHandBody();
      for (const piece of ["", "one ", "", "", "two", ""]) body.push(piece);
      body.end();
      await bytesOf(await send(main, { body: body.stream }).answer);
      assert.deepEqual(await main.arrivals[1]?.body(), { bytes: Buffer.from("one two"), complete: true });
      assert.equal(main.arrivals.length, 2);
    },
  },
  ...framings.flatMap(({ what, lengthOf }): TransportCase[] => [
    {
      name: `upload: ${what} of 8 MB arrives byte for byte`,
      async run({ backend, send }) {
        const main = await backend();
        const bytes = noise(8 * 1024 * 1024 + 1);
        await bytesOf(await send(main, { body: bytes, length: lengthOf(bytes.length) }).answer);
        const body = await main.arrivals[0]?.body();
        assert.equal(body?.complete, true);
        assert.equal(sha(body.bytes), sha(bytes));
      },
    },
    {
      name: `upload: ${what} reaches the backend while it is still being written`,
      async run({ backend, send }) {
        const main = await backend();
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length: lengthOf(15) });
        body.push("first");
        const arrival = await main.arrival(0);
        const second = sees(arrival, "again");
        body.push("again");
        await second;
        body.push("third");
        body.end();
        assert.equal((await sent.answer).status, 200);
        assert.deepEqual(await arrival.body(), { bytes: Buffer.from("firstagainthird"), complete: true });
      },
    },
    {
      name: `upload: a backend that stops reading stalls ${what}`,
      async run({ backend, send }) {
        const main = await backend(({ socket }) => void socket.pause());
        const total = 64 * 1024 * 1024;
        const body = createCountedBody(total);
        const sent = send(main, { body: body.stream, length: lengthOf(total), responseMs: 30_000 });
        const arrival = await main.arrival(0);
        const taken = await settled(body.taken);
        assert.ok(taken < total / 4, `${taken} of ${total} bytes were taken from the client`);
        arrival.socket.resume();
        const { bytes, complete } = await arrival.body();
        assert.deepEqual([bytes.length, complete], [total, true]);
        await arrival.answer(200);
        assert.equal((await sent.answer).status, 200);
      },
    },
    {
      name: `upload: ${what} whose source fails never looks whole, and its connection goes`,
      async run({ backend, send }) {
        const main = await backend();
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length: lengthOf(100) });
        body.push("first");
        const arrival = await main.arrival(0);
        body.fail(new Error("the client's connection broke"));
        await sent.error();
        assert.equal((await within(3000, "the connection's end", arrival.body())).complete, false);
        await within(3000, "the connection's end", arrival.closed);
      },
    },
    {
      name: `upload: an early answer is passed on while ${what} is still being written`,
      async run({ backend, send }) {
        const main = await backend((arrival) =>
          arrival.write("HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nstop!")
        );
        const body = createHandBody();
        const sent = send(main, { body: body.stream, length: lengthOf(1000) });
        body.push("first");
        const answer = await within(3000, "the early answer", sent.answer);
        assert.equal(answer.status, 413);
        assert.equal((await bytesOf(answer)).toString(), "stop!");
        assert.equal((await sent.ended()).error, undefined);
        // The unfinished request must not become the beginning of the next one.
        main.handle((arrival) => arrival.answer(200, [], "next"));
        assert.equal((await bytesOf(await send(main, { target: "/next" }).answer)).toString(), "next");
        assert.equal(main.arrivals.at(-1)?.target, "/next");
      },
    },
    {
      name: `upload: an early answer followed by a FIN is passed on while ${what} of 64 MB is under way`,
      async run({ backend, send }) {
        const main = await backend((arrival) => {
          arrival.socket.pause();
          arrival.write("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 5\r\n\r\nstop!");
          arrival.socket.end();
        });
        const total = 64 * 1024 * 1024;
        const sent = send(main, { body: createCountedBody(total).stream, length: lengthOf(total) });
        const answer = await within(5000, "the early answer", sent.answer);
        assert.equal(answer.status, 413);
        assert.equal((await bytesOf(answer)).toString(), "stop!");
      },
    },
  ]),
  {
    name: "upload: nothing is taken from the client before a connection stands",
    async run({ backend, send }) {
      const main = await backend();
      await main.refuse();
      for (const length of [1_000_000, "chunked"] as const) {
        const body = createCountedBody(1_000_000);
        assert.equal((await send(main, { body: body.stream, length }).error()).code, "connection_refused");
        assert.equal(body.taken(), 0);
      }
    },
  },
  {
    name: "upload: a body shorter than announced never looks whole, and the backend is not blamed",
    async run({ backend, send }) {
      const main = await backend();
      const body = createHandBody();
      const sent = send(main, { body: body.stream, length: 10 });
      body.push("short");
      const arrival = await main.arrival(0);
      body.end();
      assert.equal((await within(5000, "the connection's end", arrival.body())).complete, false);
      const { row } = await sent.error();
      assert.ok(row.retry === undefined && row.status <= 500, `${row.type}`);
    },
  },
  {
    name: "upload: a body longer than announced does not spill into the next request",
    async run({ backend, send }) {
      const main = await backend();
      const body = createHandBody();
      const sent = send(main, { body: body.stream, length: 5 });
      body.push("helloGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
      body.end();
      await sent.answer.then(bytesOf, () => {});
      await bytesOf(await send(main, { target: "/next" }).answer).catch(() => {});
      assert.ok(!main.arrivals.some((arrival) => arrival.target === "/smuggled"));
    },
  },
];
