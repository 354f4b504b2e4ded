import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Health } from "../../src/core/health.ts";
import { type Backend, eligible } from "../../src/core/pool.ts";
import type { Store } from "../../src/core/ports.ts";
import { createMemoryStore } from "../../src/stores/memory.ts";
import { createPools } from "../../src/stores/pools.ts";
import { backend } from "../support/arbitraries.ts";
import { createTestPorts } from "../support/test-ports.ts";

const [a, b] = [backend("a"), backend("b")];
const backendsKey = "roundabout/web/backends";
const healthKey = "roundabout/web/health";
const healthy: Health = { status: "healthy", streak: 0, since: 1 };
const unhealthy: Health = { status: "unhealthy", streak: 0, since: 1 };

/** A store that counts, and that can be made to fail, to hang, or to answer when it is told to. */
function createWatchedStore() {
  const memory = createMemoryStore();
  const reads: string[] = [];
  let mood: "well" | "fails" | "hangs" | "held" = "well";
  let held: (() => void)[] = [];
  const watched = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    if (mood === "fails") throw new Error("the store is gone");
    if (mood === "hangs") return await new Promise<never>(() => {});
    const value = await work();
    if (mood === "held") await new Promise<void>((release) => held.push(release));
    return value;
  };
  const store: Store = {
    get(key) {
      reads.push(key);
      return watched(() => memory.get(key));
    },
    put: (key, value) => watched(() => memory.put(key, value)),
    delete: (key) => watched(() => memory.delete(key)),
  };
  return {
    store,
    /** Past the watching, as another process would. */
    memory,
    reads,
    become: (next: typeof mood) => void (mood = next),
    release() {
      for (const go of held) go();
      held = [];
    },
  };
}

/** A pool "web" as one process sees it; a second call with the same store is another process. */
function open(configured: readonly Backend[] = [a, b], watched = createWatchedStore(), ports = createTestPorts()) {
  const pools = createPools({ web: configured }, { ...ports, store: watched.store });
  return {
    ...watched,
    ...ports,
    pools,
    /** What a request does before it looks. */
    async look() {
      await pools.refresh("web");
      return pools.current("web");
    },
    eligible: () => eligible(pools.current("web")).map(({ id }) => id).join(" "),
    warnings: () => ports.lines.filter(({ level }) => level === "warn").map(({ message }) => message),
  };
}

const swept = (sweptAt: number, health: Record<string, Health>) => JSON.stringify({ sweptAt, health });

describe("a pool that nobody wrote anything about", () => {
  it("is what was configured, and optimistic", async () => {
    const { look } = open();
    assert.deepEqual(await look(), { backends: [a, b], health: {}, sweptAt: undefined });
  });

  it("is known before the store was asked", () => assert.equal(open().eligible(), "a b"));

  it("is not there under another name", () => {
    const { pools } = open();
    assert.throws(() => pools.current("toString"), RangeError);
    assert.throws(() => pools.refresh("other"), RangeError);
  });
});

describe("reading the store", () => {
  it("happens once in 10 s, and there is nothing to wait for in between", async () => {
    const { pools, look, clock, reads } = open();
    await look();
    assert.deepEqual(reads, [backendsKey, healthKey]);
    assert.equal(pools.refresh("web"), undefined);
    await clock.advance(9_999);
    assert.equal(pools.refresh("web"), undefined);
    await clock.advance(1);
    await pools.refresh("web");
    assert.equal(reads.length, 4);
  });

  it("is waited for by the one request that began it, not by those that come meanwhile", async () => {
    const { pools, look, clock, reads, become, release } = open();
    await look();
    await clock.advance(10_000);
    become("held");
    const reading = pools.refresh("web");
    assert.notEqual(reading, undefined);
    assert.equal(pools.refresh("web"), undefined);
    assert.equal(pools.refresh("web"), undefined);
    await clock.advance(0);
    release();
    await reading;
    assert.equal(reads.length, 4);
  });

  it("leaves no timer behind", async () => {
    const { look, clock } = open();
    await look();
    assert.equal(clock.sleepers(), 0);
  });

  it("keeps the pools apart", async () => {
    const ports = createTestPorts();
    const store = createMemoryStore();
    const pools = createPools({ web: [a], api: [b] }, { ...ports, store });
    await store.put("roundabout/api/backends", JSON.stringify([{ url: "http://c.test" }]));
    await Promise.all([pools.refresh("web"), pools.refresh("api")]);
    assert.deepEqual(["web", "api"].map((name) => pools.current(name).backends.map(({ url }) => url)), [[
      "http://a.test",
    ], ["http://c.test"]]);
  });
});

describe("backends in the store", () => {
  it("replace those of the configuration until they are deleted", async () => {
    const { look, memory, clock } = open();
    await memory.put(
      backendsKey,
      JSON.stringify(["http://c.test", {
        id: "d",
        url: "http://d.test",
        weight: 2,
        priority: 1,
        maxRequests: 0,
        state: "drain",
      }]),
    );
    const d = { id: "d", url: "http://d.test", weight: 2, priority: 1, maxRequests: 0, state: "drain" };
    assert.deepEqual((await look()).backends, [{
      id: "c.test",
      url: "http://c.test",
      weight: 1,
      priority: 0,
      maxRequests: 0,
      state: "active",
    }, d]);
    await clock.advance(10_000);
    await memory.delete(backendsKey);
    assert.deepEqual((await look()).backends, [a, b]);
  });

  const unusable = [
    "",
    "nonsense",
    "{}",
    "null",
    "[]",
    "[1]",
    '[{"url":"ftp://c.test"}]',
    '[{"url":"http://c.test","extra":1}]',
    '["http://c.test","http://c.test"]',
  ];
  for (const text of unusable) {
    it(`are ignored, with one line in the log, when they are ${JSON.stringify(text)}`, async () => {
      const { look, memory, clock, warnings } = open();
      await memory.put(backendsKey, text);
      for (let read = 0; read < 3; read++) {
        assert.deepEqual((await look()).backends, [a, b]);
        await clock.advance(10_000);
      }
      assert.deepEqual(warnings(), ["the store holds backends that cannot be used; they are ignored"]);
    });
  }

  it("stay in force when what comes after them cannot be used", async () => {
    const { look, memory, clock, eligible } = open();
    await memory.put(backendsKey, '["http://c.test"]');
    await look();
    await clock.advance(10_000);
    await memory.put(backendsKey, "nonsense");
    await look();
    assert.equal(eligible(), "c.test");
  });
});

describe("health in the store", () => {
  it("takes an unhealthy backend out and brings it back", async () => {
    const { look, memory, clock, eligible } = open();
    await memory.put(healthKey, swept(100, { a: unhealthy, b: healthy }));
    assert.equal((await look()).sweptAt, 100);
    assert.equal(eligible(), "b");
    await clock.advance(10_000);
    await memory.put(healthKey, swept(200, { a: healthy, b: healthy }));
    await look();
    assert.equal(eligible(), "a b");
  });

  it("stays as it was known when it is deleted", async () => {
    const { look, memory, clock, eligible } = open();
    await memory.put(healthKey, swept(100, { a: unhealthy }));
    await look();
    await clock.advance(10_000);
    await memory.delete(healthKey);
    await look();
    assert.equal(eligible(), "b");
  });

  const unusable = [
    "",
    "nonsense",
    "null",
    "[]",
    '{"health":{}}',
    '{"sweptAt":"1","health":{}}',
    '{"sweptAt":1,"health":{"a":{"status":"sick","streak":0,"since":0}}}',
    '{"sweptAt":1,"health":{"a":null}}',
  ];
  for (const text of unusable) {
    it(`is ignored, with one line in the log, when it is ${text || "empty"}`, async () => {
      const { look, memory, clock, eligible, warnings } = open();
      await memory.put(healthKey, text);
      for (let read = 0; read < 3; read++) {
        await look();
        await clock.advance(10_000);
      }
      assert.equal(eligible(), "a b");
      assert.deepEqual(warnings(), ["the store holds health that cannot be used; it is ignored"]);
    });
  }

  it("does not harm when it names what every object has", async () => {
    const { look, memory, eligible, warnings } = open();
    await memory.put(
      healthKey,
      '{"sweptAt":1,"health":{"__proto__":{"status":"unhealthy","streak":0,"since":0},"b":{"status":"unhealthy","streak":0,"since":0}}}',
    );
    await look();
    assert.equal(eligible(), "a");
    assert.deepEqual(warnings(), []);
    assert.equal(({} as Record<string, unknown>)["status"], undefined);
  });

  it("does not replace a newer finding of one's own", async () => {
    const { pools, look, memory, eligible } = open();
    await pools.setHealth("web", { a: unhealthy }, 200, false);
    await memory.put(healthKey, swept(100, { b: unhealthy }));
    await look();
    assert.equal(eligible(), "b");
    assert.equal(pools.current("web").sweptAt, 200);
  });
});

describe("what is known of the backends", () => {
  it("is the same array until they change, so that whoever follows it sees that by its identity", async () => {
    const { pools, look, memory, clock } = open();
    const { backends: before } = await look();
    await pools.setHealth("web", { a: unhealthy }, 1, true);
    await memory.put(healthKey, swept(3, { a: healthy, b: healthy }));
    await clock.advance(10_000);
    assert.equal((await look()).backends, before);
    assert.equal(pools.current("web").sweptAt, 3);
    const { health } = pools.current("web");
    await pools.setHealth("web", health, 4, false);
    assert.equal(pools.current("web").health, health);
    await pools.setBackends("web", [{ ...a, weight: 5 }, b]);
    assert.notEqual(pools.current("web").backends, before);
  });
});

describe("a store that fails", () => {
  for (const mood of ["fails", "hangs"] as const) {
    it(`leaves the last known state in force and is told once an episode: it ${mood}`, async () => {
      const { pools, look, memory, clock, become, eligible, warnings } = open();
      await memory.put(healthKey, swept(100, { a: unhealthy }));
      await look();
      become(mood);
      for (let read = 0; read < 3; read++) {
        await clock.advance(10_000);
        const reading = pools.refresh("web");
        await clock.advance(2_000);
        await reading;
        assert.equal(eligible(), "b");
      }
      assert.equal(warnings().length, 1);
      become("well");
      await clock.advance(10_000);
      await look();
      become(mood);
      await clock.advance(10_000);
      const reading = pools.refresh("web");
      await clock.advance(2_000);
      await reading;
      assert.equal(warnings().length, 2);
      assert.equal(clock.sleepers(), 0);
    });
  }

  it("is asked again 10 s later, not at once", async () => {
    const { pools, look, clock, become, reads } = open();
    become("fails");
    await look();
    assert.equal(reads.length, 2);
    assert.equal(pools.refresh("web"), undefined);
    await clock.advance(10_000);
    await look();
    assert.equal(reads.length, 4);
  });

  it("keeps nobody waiting for longer than 2 s", async () => {
    const { pools, clock, become } = open();
    become("hangs");
    let over = false;
    const reading = pools.refresh("web")!.then(() => (over = true));
    await clock.advance(1_999);
    assert.equal(over, false);
    await clock.advance(1);
    await reading;
  });

  it("is told once although it serves one pool and not the other", async () => {
    const ports = createTestPorts();
    const memory = createMemoryStore();
    const store = {
      ...memory,
      get: (key: string) => (key.includes("/web/") ? Promise.reject(new Error("gone")) : memory.get(key)),
    };
    const pools = createPools({ web: [a], api: [b] }, { ...ports, store });
    for (let read = 0; read < 3; read++) {
      await pools.refresh("web");
      await pools.refresh("api");
      await ports.clock.advance(10_000);
    }
    assert.equal(ports.lines.length, 1);
  });

  it("takes neither backends nor findings, and says so to whoever set them", async () => {
    const { pools, become, eligible, clock } = open();
    become("fails");
    await assert.rejects(pools.setBackends("web", ["http://c.test"]));
    assert.equal(eligible(), "a b");
    await assert.rejects(pools.setHealth("web", { a: unhealthy }, 1, true));
    assert.equal(eligible(), "b", "what this process found holds here");
    become("hangs");
    const late = assert.rejects(pools.setBackends("web", undefined));
    await clock.advance(2_000);
    await late;
  });
});

describe("setting backends", () => {
  it("takes effect at once here, and within 10 s in other processes on the same store", async () => {
    const store = createWatchedStore();
    const here = open([a, b], store);
    const there = open([a, b], store, here);
    await there.look();
    await here.pools.setBackends("web", [{ id: "c", url: "http://c.test" }]);
    assert.equal(here.eligible(), "c");
    await there.look();
    assert.equal(there.eligible(), "a b");
    await here.clock.advance(10_000);
    await there.look();
    assert.equal(there.eligible(), "c");
    await here.pools.setBackends("web", undefined);
    assert.equal(here.eligible(), "a b");
    await here.clock.advance(10_000);
    await there.look();
    assert.equal(there.eligible(), "a b");
  });

  it("is not undone by the next read", async () => {
    const { pools, look, clock, eligible } = open();
    await look();
    await pools.setBackends("web", ["http://c.test"]);
    await clock.advance(10_000);
    await look();
    assert.equal(eligible(), "c.test");
  });

  it("is not undone by a read that had begun before", async () => {
    const { pools, memory, clock, become, release, eligible } = open();
    become("held");
    const reading = pools.refresh("web");
    await clock.advance(0);
    become("well");
    await pools.setBackends("web", ["http://c.test"]);
    release();
    await reading;
    assert.equal(eligible(), "c.test");
    assert.notEqual(await memory.get(backendsKey), null);
  });

  const refused = [
    [],
    ["http://c.test", "http://c.test"],
    [{ url: "http://c.test", weight: -1 }],
    [{ id: "__proto__", url: "http://c.test" }],
    ["c.test"],
    [null],
  ];
  for (const backends of refused) {
    it(`refuses ${JSON.stringify(backends)} and changes nothing`, async () => {
      const { pools, memory, eligible } = open();
      await assert.rejects(pools.setBackends("web", backends), { name: "ConfigError" });
      assert.equal(eligible(), "a b");
      assert.equal(await memory.get(backendsKey), null);
    });
  }

  it("keeps the health of those whose address stays, and forgets that of a changed address", async () => {
    const { pools, eligible } = open();
    await pools.setHealth("web", { a: unhealthy, b: unhealthy }, 1, false);
    await pools.setBackends("web", [{ ...a, weight: 3 }, { ...b, url: "http://other.test" }]);
    assert.deepEqual(pools.current("web").health, { a: unhealthy });
    assert.equal(eligible(), "b");
  });

  it("forgets the health of one that left, so that it comes back as new", async () => {
    const { pools, eligible } = open();
    await pools.setHealth("web", { a: unhealthy }, 1, false);
    await pools.setBackends("web", [b]);
    await pools.setBackends("web", [a, b]);
    assert.equal(eligible(), "a b");
  });
});

describe("setting health", () => {
  it("is seen by other processes on the same store only when it is to persist", async () => {
    const store = createWatchedStore();
    const here = open([a, b], store);
    const there = open([a, b], store, here);
    await here.pools.setHealth("web", { a: unhealthy }, 1, false);
    await there.look();
    assert.equal(there.eligible(), "a b");
    await here.pools.setHealth("web", { a: unhealthy }, 2, true);
    await here.clock.advance(10_000);
    await there.look();
    assert.equal(there.eligible(), "b");
    assert.equal(there.pools.current("web").sweptAt, 2);
  });
});
