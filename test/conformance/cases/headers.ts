import assert from "node:assert/strict";
import type { Field } from "../../support/http1.ts";
import type { ConformanceCase } from "../case.ts";
import { plain } from "../stages.ts";

export const headerCases: readonly ConformanceCase[] = [
  {
    name: "headers: end-to-end fields of the request arrive unchanged",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const fields: readonly Field[] = [
        ["Accept", "text/html, */*;q=0.1"],
        ["Accept-Encoding", "gzip;q=1.0, identity; q=0.5"],
        ["Accept-Language", "de-CH"],
        ["User-Agent", "somebody/1.0 (x; y)"],
        ["Cookie", "a=1; b=2"],
        ["Authorization", "Basic eDp5"],
        ["Range", "bytes=0-3"],
        ["If-None-Match", 'W/"x", "y"'],
        ["Referer", "http://balancer.test/from"],
        ["Origin", "http://balancer.test"],
        ["X-Empty", ""],
        ["X-Own", "  padded\tinside  ".trim()],
        ["Cache-Control", "no-cache"],
        ["Sec-Fetch-Mode", "navigate"],
      ];
      await exchange({ fields });
      for (const [name, value] of fields) assert.equal(backends.main.arrivals[0]?.field(name), value, name);
    },
  },
  {
    name: "headers: a repeated request field keeps all its values in order",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange({ fields: [["X-Many", "1"], ["X-Other", "x"], ["X-Many", "2"], ["X-Many", "3"]] });
      assert.equal(backends.main.arrivals[0]?.all("x-many").join(", "), "1, 2, 3");
    },
  },
  {
    name: "headers: hop-by-hop fields of the request stay here, those named in Connection too",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const hops: readonly Field[] = [
        ["Connection", "keep-alive, X-Mine, x-other"],
        ["Keep-Alive", "timeout=5"],
        ["Proxy-Connection", "keep-alive"],
        ["TE", "trailers"],
        ["Trailer", "x-sum"],
        ["X-Mine", "mine"],
        ["X-Other", "other"],
      ];
      const response = await exchange({ fields: [...hops, ["X-Kept", "kept"]] });
      assert.equal(response.status, 200);
      const arrival = backends.main.arrivals[0];
      for (const [name] of hops.slice(1)) assert.equal(arrival?.field(name), undefined, name);
      assert.doesNotMatch(arrival?.field("connection") ?? "", /mine|other/i);
      assert.equal(arrival?.field("x-kept"), "kept");
    },
  },
  {
    name: "headers: hop-by-hop fields of the answer stay here, those named in Connection too",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const hops: readonly Field[] = [["Keep-Alive", "timeout=77"], ["Proxy-Connection", "close"], ["X-Hop", "hop"], [
        "Upgrade",
        "h2c",
      ], ["Trailer", "x-sum"]];
      backends.main.handle((arrival) =>
        arrival.answer(200, [["Connection", "x-hop, upgrade"], ...hops, ["X-Kept", "kept"]], "x")
      );
      const response = await exchange();
      for (const [name, value] of hops) assert.notEqual(response.field(name), value, name);
      assert.doesNotMatch(response.field("connection") ?? "", /hop|upgrade/i);
      assert.equal(response.field("x-kept"), "kept");
    },
  },
  {
    name: "headers: several Set-Cookie stay several",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const cookies = ["a=1; Path=/; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2; HttpOnly", "a=3; Path=/x"];
      backends.main.handle((arrival) =>
        arrival.answer(200, cookies.map((cookie): Field => ["Set-Cookie", cookie]), "x")
      );
      assert.deepEqual((await exchange()).all("set-cookie"), cookies);
    },
  },
  {
    name: "headers: a repeated response field keeps all its values in order",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const fields: readonly Field[] = [
        ["Link", "</a>; rel=preload"],
        ["X-Many", "1"],
        ["X-Many", "2"],
        ["Link", "</b>; rel=preload"],
        ["WWW-Authenticate", "Basic"],
        ["WWW-Authenticate", "Bearer"],
      ];
      backends.main.handle((arrival) => arrival.answer(200, fields, "x"));
      const response = await exchange();
      assert.equal(response.all("link").join(", "), "</a>; rel=preload, </b>; rel=preload");
      assert.equal(response.all("x-many").join(", "), "1, 2");
      assert.equal(response.all("www-authenticate").join(", "), "Basic, Bearer");
    },
  },
  {
    name: "headers: the answer's own fields pass once each",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) =>
        arrival.answer(200, [["Server", "origin/1"], ["Date", "Sat, 01 Jan 2000 00:00:00 GMT"], ["ETag", 'W/"1"'], [
          "Cache-Control",
          "no-store",
        ]], "untyped")
      );
      const response = await exchange();
      assert.deepEqual(response.all("server"), ["origin/1"]);
      assert.deepEqual(response.all("date"), ["Sat, 01 Jan 2000 00:00:00 GMT"]);
      assert.equal(response.field("etag"), 'W/"1"');
      assert.equal(response.field("cache-control"), "no-store");
    },
  },
  {
    name: "headers: an answer without a Content-Type gets none",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      for (const body of ["untyped", "u".repeat(200_000), ""]) {
        backends.main.handle((arrival) => arrival.answer(200, [], body));
        assert.equal((await exchange()).field("content-type"), undefined, `${body.length} bytes`);
      }
    },
  },
  {
    name: "headers: bytes beyond ASCII pass in both directions",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      backends.main.handle((arrival) => arrival.answer(200, [["X-Name", "caf\u00e9"]], "x"));
      const response = await exchange({ fields: [["X-Name", "na\u00efve"]] });
      assert.equal(backends.main.arrivals[0]?.field("x-name"), "na\u00efve");
      assert.equal(response.field("x-name"), "caf\u00e9");
    },
  },
  {
    name: "headers: no Accept-Encoding is invented",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange();
      await exchange({ method: "POST", body: "x" });
      for (const arrival of backends.main.arrivals) assert.equal(arrival.field("accept-encoding"), undefined);
    },
  },
  {
    name: "headers: Host is the backend's own by default",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      await exchange();
      assert.deepEqual(backends.main.arrivals[0]?.all("host"), [`127.0.0.1:${backends.main.port}`]);
    },
  },
  {
    name: "headers: Host can be preserved or be a name of one's choice",
    gaps: { workers: "fetch on Workers sends the URL's host and nothing else" },
    async run(context) {
      const main = await context.backend("main");
      const balancer = await context.start({
        listen: { port: 0, hostname: "127.0.0.1" },
        pools: {
          kept: { backends: [main.url], healthCheck: false, host: "preserve" },
          named: { backends: [main.url], healthCheck: false, host: "inner.test" },
        },
        routes: [{ match: { host: "kept.test" }, pool: "kept" }, { pool: "named" }],
      });
      const client = await context.connect(balancer.port);
      for (const host of ["kept.test:8080", "other.test"]) {
        await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
        assert.equal((await client.response()).status, 200);
      }
      assert.deepEqual(main.arrivals.map((arrival) => arrival.field("host")), ["kept.test:8080", "inner.test"]);
      assert.deepEqual(main.arrivals.map((arrival) => arrival.field("x-forwarded-host")), [
        "kept.test:8080",
        "other.test",
      ]);
    },
  },
];
