import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { createEchoing } from "../support/test-balancer.ts";

const told = async (response: Response) => `${response.status} ${await response.text()}`;
const checked = { healthCheck: { interval: "5s" } };

describe("livez", () => {
  it("is ok while the process runs, also when it drains", async () => {
    const { ask, close } = createEchoing(checked);
    assert.equal(await told(await ask("/_roundabout/livez")), "200 ok\n");
    await close();
    assert.equal(await told(await ask("/_roundabout/livez")), "200 ok\n");
  });
});

describe("readyz", () => {
  it("is not ok before each checked pool has had a sweep", async () => {
    const { ask, start, ports, close } = createEchoing(checked);
    assert.equal(await told(await ask("/_roundabout/readyz")), "503 ");
    start();
    await ports.clock.advance(0);
    assert.equal(await told(await ask("/_roundabout/readyz")), "200 ok\n");
    await close();
  });

  it("is ok at once when nothing is checked", async () => {
    assert.equal(await told(await createEchoing().ask("/_roundabout/readyz")), "200 ok\n");
  });

  it("is ok when another process has swept", async () => {
    const store = createMemoryStore();
    await store.put("roundabout/web/health", JSON.stringify({ sweptAt: 1, health: {} }));
    assert.equal(await told(await createEchoing(checked, {}, { store }).ask("/_roundabout/readyz")), "200 ok\n");
  });

  it("is not ok once the balancer closes, while requests go on", async () => {
    const { ask, close } = createEchoing();
    await close();
    assert.equal(await told(await ask("/_roundabout/readyz")), "503 draining\n");
    assert.equal((await ask("/x")).status, 200);
  });

  it("is not ok when all backends are down? It is: another balancer would find them down as well", async () => {
    const { ask, start, ports, close } = createEchoing(checked, {}, {
      connect: () => Promise.reject(new Error("down")),
    });
    start();
    await ports.clock.advance(0);
    assert.equal(await told(await ask("/_roundabout/readyz")), "200 ok\n");
    await close();
  });
});

describe("the balancer's own paths", () => {
  it("answer HEAD too", async () => {
    const response = await createEchoing().ask("/_roundabout/livez", { method: "HEAD" });
    assert.deepEqual([response.status, await response.text()], [200, ""]);
  });

  it("are never a backend's, whatever else is asked below them", async () => {
    const { ask, seen } = createEchoing();
    assert.equal((await ask("/_roundabout/other")).status, 404);
    assert.equal((await ask("/_roundabout/livez", { method: "POST" })).status, 404);
    assert.deepEqual(seen, []);
  });

  it("can be elsewhere", async () => {
    const { ask, sees } = createEchoing({}, { admin: { path: "/own/admin" } });
    assert.equal(await told(await ask("/own/admin/livez")), "200 ok\n");
    assert.equal((await sees("/_roundabout/livez")).url, "http://a.test/_roundabout/livez");
  });

  it("can be none", async () => {
    const { sees } = createEchoing({}, { admin: false });
    for (const path of ["/_roundabout/livez", "/_roundabout/readyz"]) {
      assert.equal((await sees(path)).url, `http://a.test${path}`);
    }
  });

  it("are no patterns", () => {
    assert.throws(() => createEchoing({}, { admin: { path: "/:own" } }), /admin\.path/);
  });
});
