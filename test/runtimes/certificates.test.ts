import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseConfig } from "../../src/core/config.ts";
import { withCertificates } from "../../src/runtimes/certificates.ts";
import { ca, client, encryptedKey, localhost, shop, wild } from "../support/certificates.ts";
import { beside, complaints, traits, web } from "../support/config.ts";

const root = mkdtempSync(join(tmpdir(), "roundabout-certificates-"));
after(() => rmSync(root, { recursive: true }));

const file = (name: string, text: string): string => {
  const path = join(root, name);
  writeFileSync(path, text);
  return path;
};

const read = (raw: unknown) => withCertificates(parseConfig(raw, traits), raw);
const told = (raw: unknown) => complaints(() => read(raw));

describe("certificates", () => {
  it("of pools are put in the place of the paths to them", () => {
    const tls = {
      ca: file("ca.pem", ca),
      cert: file("client.pem", client.cert),
      key: client.key,
      serverName: "a.test",
    };
    assert.deepEqual(read(web({ tls })).pools["web"]?.tls, {
      ca,
      ...client,
      serverName: "a.test",
      insecureSkipVerify: false,
    });
    assert.deepEqual(read(web({})).pools["web"]?.tls, undefined);
    assert.deepEqual(read(web({ tls: { insecureSkipVerify: true } })).pools["web"]?.tls, { insecureSkipVerify: true });
  });

  it("of listeners stay paths, because they are followed", () => {
    const tls = { cert: file("own.pem", localhost.cert), key: file("own.key", localhost.key), sni: [] };
    assert.deepEqual(read(beside({ listen: { tls } })).listen[0].tls, tls);
  });

  it("may be several in one text: the chain to the CA, or more than one CA", () => {
    const chain = `a word in front\n${shop.cert}${ca}`;
    assert.deepEqual(told(beside({ listen: { tls: { cert: chain, key: shop.key } } })), []);
    assert.deepEqual(told(web({ tls: { ca: ca + localhost.cert } })), []);
  });

  const own = "expected a certificate in PEM, found";
  const secret = "expected a private key in PEM, not encrypted, found";
  const wrong: readonly { what: string; tls: Record<string, unknown>; says: string }[] = [
    {
      what: "a key in the place of a certificate",
      tls: { ...shop, cert: shop.key },
      says: `.cert: ${own} no certificate`,
    },
    {
      what: "half a certificate",
      tls: { ...shop, cert: shop.cert.slice(0, 300) },
      says: `.cert: ${own} one that cannot be read`,
    },
    {
      what: "a chain that ends within its second certificate",
      tls: { ...shop, cert: shop.cert + ca.slice(0, 300) },
      says: `.cert: ${own} one that cannot be read`,
    },
    {
      what: "a certificate of nonsense",
      tls: { ...shop, cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" },
      says: `.cert: ${own} one that cannot be read`,
    },
    {
      what: "a certificate in the place of a key",
      tls: { ...shop, key: shop.cert },
      says: `.key: ${secret} no private key`,
    },
    {
      what: "half a key",
      tls: { ...shop, key: shop.key.slice(0, 90) },
      says: `.key: ${secret} one that cannot be read`,
    },
    { what: "an encrypted key", tls: { ...client, key: encryptedKey }, says: `.key: ${secret} an encrypted one` },
    {
      what: "another certificate's key",
      tls: { ...shop, key: wild.key },
      says: ".key: expected the private key of the certificate, found another one",
    },
  ];
  for (const { what, tls, says } of wrong) {
    it(`are refused: ${what}`, () => {
      assert.deepEqual(told(beside({ listen: { tls } })), [`listen.tls${says}`]);
      assert.deepEqual(told(web({ tls })), [`pools.web.tls${says}`]);
    });
  }

  it("are refused with the path of the file, and all of them at once", () => {
    const folder = root;
    const none = file("none.pem", "nothing\n");
    assert.deepEqual(
      told({
        ...web({ tls: { ca: none } }),
        listen: [{ port: 1 }, {
          tls: { cert: join(root, "missing.pem"), key: folder, sni: [{ name: "a.test", ...shop, cert: none }] },
        }],
      }).map((line) => line.replaceAll(root, "ROOT").replace(/"ROOT[^"]*"/, (path) => path.slice(0, 80))),
      [
        'listen[1].tls.cert: expected a file in PEM, found "ROOT/missing.pem": no such file',
        'listen[1].tls.key: expected a file in PEM, found "ROOT": a directory',
        'listen[1].tls.sni[0].cert: expected a certificate in PEM, found "ROOT/none.pem": no certificate',
        'pools.web.tls.ca: expected a certificate in PEM, found "ROOT/none.pem": no certificate',
      ],
    );
  });
});
