import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Store } from "../../src/core/ports.ts";

/** What every store promises to one who reads what he wrote; `create` gives an empty one. */
export function storeContract(name: string, create: () => Store): void {
  describe(`store ${name}`, () => {
    it("has null for a key that was never put", async () => {
      for (const key of ["a", "", "toString", "__proto__"]) assert.equal(await create().get(key), null);
    });

    it("gives back what was put, any text as it is", async () => {
      const store = create();
      for (const value of ["", "x", '{"a":1}\n', "ä😀", "\u0000", "x".repeat(100_000)]) {
        await store.put("roundabout/web/health", value);
        assert.equal(await store.get("roundabout/web/health"), value);
      }
    });

    it("keeps keys apart", async () => {
      const store = create();
      for (const key of ["a", "A", "a/b", "a/", "__proto__", "toString"]) await store.put(key, `of ${key}`);
      for (const key of ["a", "A", "a/b", "a/", "__proto__", "toString"]) {
        assert.equal(await store.get(key), `of ${key}`);
      }
    });

    it("has null again for a key that was deleted, and takes a key that is not there", async () => {
      const store = create();
      await store.put("a", "1");
      await store.delete("a");
      await store.delete("a");
      assert.equal(await store.get("a"), null);
      await store.put("a", "2");
      assert.equal(await store.get("a"), "2");
    });

    it("shares nothing with another store", async () => {
      await create().put("a", "1");
      assert.equal(await create().get("a"), null);
    });
  });
}
