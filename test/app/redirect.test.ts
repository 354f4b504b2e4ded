import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { redirectToHttps } from "../../src/app/redirect.ts";

const redirect = (port: number) => redirectToHttps(() => port, () => "id-1");

async function ask(
  url: string,
  { port = 443, host = new URL(url).host, ...init }: RequestInit & { port?: number; host?: string | null } = {},
) {
  const headers = new Headers(init.headers);
  if (host !== null) headers.set("host", host);
  return await redirect(port)(new Request(url, { ...init, headers }));
}

describe("the redirect to https", () => {
  it("goes to the same host, path and query, with the port only where it is not 443", async () => {
    const location = async (port: number) => (await ask("http://a.test/x/y?z=1&z", { port })).headers.get("location");
    assert.equal(await location(443), "https://a.test/x/y?z=1&z");
    assert.equal(await location(8443), "https://a.test:8443/x/y?z=1&z");
  });

  it("keeps the method: 308, without a body", async () => {
    for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
      const answer = await ask("http://a.test/", { method });
      assert.deepEqual([answer.status, await answer.text()], [308, ""]);
    }
  });

  const hosts: readonly [host: string, to: string | undefined][] = [
    ["a.test:80", "https://a.test/x"],
    ["A.test:8080", "https://A.test/x"],
    ["[::1]:80", "https://[::1]/x"],
    ["127.0.0.1", "https://127.0.0.1/x"],
    ["u@evil.test", undefined],
    ["a.test@evil.test", undefined],
    ["a.test/evil", undefined],
    ["a.test\\evil", undefined],
    ["a.test#", undefined],
    ["a.test?", undefined],
    ["a.test:80:80", undefined],
    ["a test", undefined],
  ];
  for (const [host, to] of hosts) {
    it(`${to === undefined ? "refuses" : "follows"} Host: ${host}`, async () => {
      const answer = await ask("http://a.test/x", { host });
      assert.deepEqual([answer.status, answer.headers.get("location") ?? undefined], [
        to === undefined ? 400 : 308,
        to,
      ]);
    });
  }

  it("does not make up a host where none came", async () => {
    const answer = await ask("http://localhost/x", { host: null });
    assert.equal(answer.status, 400);
    assert.match(await answer.text(), /Host is missing.*id-1/);
  });

  it("never leaves the host, whatever the path is", async () => {
    for (const path of ["//evil.test", "///evil.test", "/\\evil.test", "/%5Cevil.test", "/.//evil.test"]) {
      const location = (await ask(`http://a.test${path}`)).headers.get("location");
      assert.equal(new URL(location ?? "").host, "a.test", path);
    }
  });
});
