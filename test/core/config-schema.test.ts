import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { configJsonSchema } from "../../src/cli/schema.ts";

interface Node {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | false;
  readonly anyOf?: readonly Node[];
  readonly enum?: readonly string[];
  readonly items?: Node;
}

describe("config.schema.json", () => {
  const schema: Node = JSON.parse(configJsonSchema());

  it("is what the schema says now (node src/cli/schema.ts writes it)", () => {
    assert.equal(readFileSync(new URL("../../config.schema.json", import.meta.url), "utf8"), configJsonSchema());
  });

  it("describes every key and knows no others", () => {
    const undescribed: string[] = [];
    function visit(node: Node, path: string): void {
      for (const [key, inner] of Object.entries(node.properties ?? {})) {
        if (!inner.description) undescribed.push(`${path}.${key}`);
        visit(inner, `${path}.${key}`);
      }
      if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
      if (node.additionalProperties) visit(node.additionalProperties, `${path}.*`);
      if (node.items) visit(node.items, `${path}[]`);
      for (const form of node.anyOf ?? []) visit(form, path);
    }
    visit(schema, "");
    assert.deepEqual(undescribed, []);
  });

  it("has the defaults and the choices, and lets a variable stand for a value", () => {
    const { listen, log, limits } = schema.properties ?? {};
    assert.equal(listen?.anyOf?.[0]?.properties?.["port"]?.default, 8080);
    assert.equal(limits?.properties?.["headTimeout"]?.default, "10s");
    assert.deepEqual(log?.properties?.["level"]?.anyOf, [
      { enum: ["debug", "info", "warn", "error"], type: "string" },
      { type: "string", pattern: "\\$\\{" },
    ]);
  });
});
