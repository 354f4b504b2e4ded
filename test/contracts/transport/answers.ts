import assert from "node:assert/strict";
import { bytesOf } from "./bytes.ts";
import type { TransportCase } from "./case.ts";

const statuses = [
  200,
  201,
  202,
  203,
  206,
  226,
  299,
  300,
  400,
  401,
  402,
  403,
  404,
  405,
  407,
  410,
  416,
  418,
  421,
  425,
  426,
  429,
  431,
  451,
  499,
  500,
  501,
  502,
  503,
  504,
  511,
  520,
  599,
];

export const answerCases: readonly TransportCase[] = [
  {
    name: "answer: every status that is no interim one passes, with its body",
    async run({ backend, send }) {
      const main = await backend();
      for (const status of statuses) {
        main.handle((arrival) => arrival.answer(status, [], `body of ${status}`));
        const answer = await send(main).answer;
        assert.equal(answer.status, status);
        assert.equal((await bytesOf(answer)).toString(), `body of ${status}`);
      }
    },
  },
  {
    name: "answer: redirects pass and are not followed",
    async run({ backend, send }) {
      const main = await backend();
      for (const status of [301, 302, 303, 307, 308]) {
        main.handle((arrival) => arrival.answer(status, [["Location", "/elsewhere?a=b#c"]], "moved"));
        const answer = await send(main, { target: "/here" }).answer;
        assert.equal(answer.status, status);
        assert.equal(answer.headers.get("location"), "/elsewhere?a=b#c");
        assert.equal((await bytesOf(answer)).toString(), "moved");
      }
      assert.ok(main.arrivals.every((arrival) => arrival.target === "/here"));
      assert.equal(main.arrivals.length, 5);
    },
  },
  {
    name: "answer: all fields pass with all their values",
    async run({ backend, send }) {
      const main = await backend((arrival) =>
        arrival.write(
          Buffer.from(
            "HTTP/1.1 200 OK\r\nServer: mine\r\nX-Empty:\r\nX-Latin: caf\u00e9\r\nX-Twice: a\r\nx-twice: b\r\nVary: Accept\r\nVary: Origin\r\n" +
              'Date: Sat, 21 Nov 2026 00:00:00 GMT\r\nETag: W/"x"\r\nLink: <a>; rel=x\r\nX-Spaced:   two words  \r\nContent-Length: 2\r\n\r\nok',
            "latin1",
          ),
        )
      );
      const { headers } = await send(main).answer;
      const expected = {
        "server": "mine",
        "x-empty": "",
        "x-latin": "caf\u00e9",
        "x-twice": "a, b",
        "vary": "Accept, Origin",
        "date": "Sat, 21 Nov 2026 00:00:00 GMT",
        "etag": 'W/"x"',
        "link": "<a>; rel=x",
        "x-spaced": "two words",
        "content-length": "2",
      };
      assert.deepEqual(Object.fromEntries(headers), expected);
    },
  },
  {
    name: "answer: several Set-Cookie fields stay several",
    async run({ backend, send }) {
      const cookies = ["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "c=3"];
      const main = await backend((arrival) => arrival.answer(200, cookies.map((cookie) => ["Set-Cookie", cookie])));
      assert.deepEqual((await send(main).answer).headers.getSetCookie(), cookies);
    },
  },
  {
    name: "answer: hop-by-hop fields and those named in Connection are gone",
    async run({ backend, send }) {
      const main = await backend((arrival) =>
        arrival.write(
          "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Named\r\nConnection: x-other\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n" +
            "TE: x\r\nTrailer: x-t\r\nUpgrade: x\r\nX-Named: 1\r\nX-Other: 1\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        )
      );
      const answer = await send(main).answer;
      assert.deepEqual([...answer.headers], [["x-kept", "1"]]);
      assert.equal((await bytesOf(answer)).toString(), "ok");
    },
  },
  {
    name: "answer: its fields can be changed by whoever gets it",
    async run({ backend, send }) {
      const main = await backend((arrival) => arrival.answer(200, [["X-Theirs", "1"]], "ok"));
      const { headers } = await send(main).answer;
      headers.set("x-ours", "2");
      headers.delete("x-theirs");
      assert.deepEqual([headers.get("x-ours"), headers.get("x-theirs")], ["2", null]);
    },
  },
  {
    name: "answer: statuses without a body have none, and the connection goes on",
    async run({ backend, send }) {
      const main = await backend();
      for (
        const [status, field] of [[204, "X-A: 1"], [205, "Content-Length: 0"], [304, "ETag: x"], [
          204,
          "X-A: 2",
        ]] as const
      ) {
        main.handle((arrival) => arrival.write(`HTTP/1.1 ${status} Empty\r\n${field}\r\n\r\n`));
        const sent = send(main);
        const answer = await sent.answer;
        assert.equal(answer.status, status);
        assert.equal(answer.body, null);
        assert.equal((await sent.ended()).error, undefined);
      }
      assert.equal(main.connections(), 1);
    },
  },
  {
    name: "answer: Content-Length stays with 304",
    async run({ backend, send }) {
      const main = await backend((arrival) =>
        arrival.write("HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\nETag: x\r\n\r\n")
      );
      assert.equal((await send(main).answer).headers.get("content-length"), "5000");
    },
  },
  {
    name: "answer: HEAD keeps Content-Length and Content-Encoding, has no body, and the connection goes on",
    async run({ backend, send }) {
      const main = await backend();
      for (const length of [0, 5, 5_000_000]) {
        main.handle((arrival) =>
          arrival.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nContent-Encoding: gzip\r\n\r\n`)
        );
        const sent = send(main, { method: "HEAD" });
        const answer = await sent.answer;
        assert.deepEqual([answer.headers.get("content-length"), answer.headers.get("content-encoding")], [
          String(length),
          "gzip",
        ]);
        assert.equal(answer.body, null);
        assert.equal((await sent.ended()).error, undefined);
      }
      main.handle((arrival) => arrival.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
      const answer = await send(main, { method: "HEAD" }).answer;
      assert.deepEqual([answer.body, answer.headers.has("transfer-encoding")], [null, false]);
      main.handle((arrival) => arrival.answer(200, [], "next"));
      assert.equal((await bytesOf(await send(main).answer)).toString(), "next");
      assert.equal(main.connections(), 1);
    },
  },
  ...[100, 102, 103, 199].map((interim): TransportCase => ({
    name: `answer: an interim ${interim} is passed over`, // RFC 9110 §15.2: also one that was not asked for, or is unknown
    async run({ backend, send }) {
      const main = await backend(({ write }) => {
        write(`HTTP/1.1 ${interim} Interim\r\nLink: </a.css>\r\n\r\n`.repeat(2));
        write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal");
      });
      const answer = await send(main).answer;
      assert.equal(answer.status, 200);
      assert.equal((await bytesOf(answer)).toString(), "final");
      assert.equal(answer.headers.get("link"), null);
    },
  })),
  {
    name: "answer: 100 fields and one of 40 kB pass whole",
    async run({ backend, send }) {
      const many = Array.from({ length: 100 }, (_, index) => [`X-${index}`, `value ${index}`] as const);
      const main = await backend((arrival) => arrival.answer(200, [...many, ["X-Long", "v".repeat(40_000)]]));
      const { headers } = await send(main).answer;
      for (const [name, value] of many) assert.equal(headers.get(name), value);
      assert.equal(headers.get("x-long")?.length, 40_000);
    },
  },
];
