import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseConfig } from "../../src/core/config.ts";
import { beside, complaints, parse, traits, web } from "../support/config.ts";

const tls = { cert: "./cert.pem", key: "./key.pem" };
const hostname = "0.0.0.0";

describe("listen", () => {
  const listening = (listen: unknown) => parse(beside({ listen })).listen;

  it("is one listener or a list of them, and comes out as a list", () => {
    assert.deepEqual(listening({ port: 1 }), [{ port: 1, hostname }]);
    assert.deepEqual(listening([{ port: 1 }, { port: 2, hostname: "::1" }]), [
      { port: 1, hostname },
      { port: 2, hostname: "::1" },
    ]);
    assert.deepEqual(listening(undefined), [{ port: 8080, hostname }]);
  });

  it("has a certificate for a listener with tls, and more by name", () => {
    const sni = [{ name: "shop.test", ...tls }, { name: "*.shop.test", cert: "-----BEGIN CERTIFICATE-----", key: "k" }];
    assert.deepEqual(listening({ tls })[0].tls, { ...tls, sni: [] });
    assert.deepEqual(listening({ tls: { ...tls, sni } })[0].tls, { ...tls, sni });
  });

  it("may only redirect, where there is somewhere to redirect to", () => {
    assert.deepEqual(listening([{ port: 80, redirect: "https" }, { port: 443, tls }])[0], {
      port: 80,
      hostname,
      redirect: "https",
    });
  });

  const wrong: readonly { listen: unknown; says: readonly (string | RegExp)[] }[] = [
    { listen: [], says: ["listen: expected at least one listener, found []"] },
    { listen: 8080, says: ["listen: expected an object, or a list of objects, found 8080"] },
    { listen: [8080], says: [/^listen\[0\]: expected an object/] },
    { listen: [{ prot: 1 }], says: ['listen[0].prot: expected a known key, found "prot"; did you mean "port"?'] },
    {
      listen: [{ port: 1 }, { port: -1, tls: { cert: "" } }],
      says: [
        "listen[1].port: expected a whole number from 0 to 65535, found -1",
        'listen[1].tls.cert: expected a path, or a PEM text, found ""',
        "listen[1].tls.key: expected a path, or a PEM text, found nothing",
      ],
    },
    {
      listen: { tls: { ...tls, sni: [{ name: "A.test", ...tls }, { name: "a.test", ...tls }] } },
      says: [/^listen\.tls\.sni: expected every name once/],
    },
    {
      listen: { tls: { ...tls, sni: [{ name: "*.*", ...tls }, { name: "[::1]", ...tls }] } },
      says: [
        /^listen\.tls\.sni\[0\]\.name: expected a host name/,
        /^listen\.tls\.sni\[1\]\.name: expected a host name/,
      ],
    },
    {
      listen: { redirect: "https" },
      says: ['listen.redirect: expected nothing, because there is no listener with tls to send to, found "https"'],
    },
    {
      listen: [{ redirect: "https", tls }],
      says: ['listen[0].redirect: expected nothing, because who has tls has come by https, found "https"'],
    },
  ];
  for (const { listen, says } of wrong) {
    it(`refuses ${JSON.stringify(listen).slice(0, 100)}`, () => {
      const told = complaints(() => parse(beside({ listen })));
      assert.equal(told.length, says.length, told.join("\n"));
      for (const [index, words] of says.entries()) {
        if (typeof words === "string") assert.equal(told[index], words);
        else assert.match(told[index] ?? "", words);
      }
    });
  }

  it("is refused as more than one where the platform listens", () => {
    const cannot = ["listen.tls", "listen.*.tls", "listen.1"].map((path) => ({ path, why: "the platform listens" }));
    const told = (listen: unknown) =>
      complaints(() => parseConfig(beside({ listen }), { ...traits, name: "workers", cannot }));
    assert.deepEqual(told({ port: 1 }), []);
    assert.deepEqual(told([{ port: 1 }]), []);
    assert.deepEqual(told([{ port: 1 }, { port: 2 }]), [
      'listen[1]: expected nothing on workers, found {"port":2}; the platform listens',
    ]);
    assert.match(told({ tls }).join(), /^listen\.tls: expected nothing on workers/);
    assert.match(told([{ tls }]).join(), /^listen\[0\]\.tls: expected nothing on workers/);
  });
});

describe("a pool's tls and protocol", () => {
  const pool = (raw: Record<string, unknown>) => parse(web(raw)).pools["web"];

  it("are the system's CAs and HTTP/1.1 by default", () => {
    assert.deepEqual([pool({})?.tls, pool({})?.protocol], [undefined, "http1"]);
    assert.deepEqual(pool({ tls: {} })?.tls, { insecureSkipVerify: false });
  });

  it("are kept", () => {
    const all = { ca: "ca.pem", ...tls, serverName: "a.test", insecureSkipVerify: true };
    assert.deepEqual(pool({ tls: all })?.tls, all);
    assert.equal(pool({ protocol: "h2c" })?.protocol, "h2c");
    assert.equal(pool({ protocol: "h2", backends: ["https://a", { url: "HTTPS://b" }] })?.protocol, "h2");
    assert.equal(pool({ protocol: "h2c", backends: ["unix:/run/a.sock"] })?.protocol, "h2c");
  });

  const wrong: readonly { raw: Record<string, unknown>; says: readonly string[] }[] = [
    { raw: { tls: { cert: "a" } }, says: ["pools.web.tls.key: expected cert and key together, found nothing"] },
    { raw: { tls: { key: "a" } }, says: ["pools.web.tls.cert: expected cert and key together, found nothing"] },
    {
      raw: { tls: { insecureSkipVerify: "yes", serverName: "a:443" } },
      says: [
        'pools.web.tls.serverName: expected a host name, found "a:443"',
        'pools.web.tls.insecureSkipVerify: expected true or false, found "yes"',
      ],
    },
    {
      raw: { tls: { skipVerify: true } },
      says: [
        'pools.web.tls.skipVerify: expected a known key, found "skipVerify"; known here: ca, cert, key, serverName, insecureSkipVerify',
      ],
    },
    {
      raw: { protocol: "h2", backends: ["http://a", { url: "https://b" }, { url: "http://c" }] },
      says: [
        'pools.web.backends[0]: expected a URL with https, because the pool\'s protocol is h2, found "http://a"',
        'pools.web.backends[2].url: expected a URL with https, because the pool\'s protocol is h2, found "http://c"',
      ],
    },
    {
      raw: { protocol: "h2c", backends: ["https://a"] },
      says: ['pools.web.backends[0]: expected a URL with http, because the pool\'s protocol is h2c, found "https://a"'],
    },
    {
      raw: { protocol: "http2" },
      says: ['pools.web.protocol: expected "http1", "h2" or "h2c", found "http2"'],
    },
  ];
  for (const { raw, says } of wrong) {
    it(`refuse ${JSON.stringify(raw).slice(0, 100)}`, () => {
      assert.deepEqual(complaints(() => parse(web(raw))), says);
    });
  }
});
