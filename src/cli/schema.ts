import { writeFileSync } from "node:fs";
import { type JsonSchema, toJsonSchema } from "@valibot/to-json-schema";
import { configSchema } from "../core/config-schema.ts";
import { traits } from "../runtimes/traits.ts";

/** The text of config.schema.json, for editors; the defaults are those of Node. */
export function configJsonSchema(): string {
  const schema = toJsonSchema(configSchema(traits.node), {
    typeMode: "input",
    // Checks by a function have no counterpart in JSON Schema; the start makes them all the same.
    errorMode: "ignore",
  });
  return `${JSON.stringify({ title: "Roundabout", ...withVariables(schema) }, null, 2)}\n`;
}

const variable = { type: "string", pattern: "\\$\\{" } as const;

/** Lets a variable stand in the place of every value, so that editors take `"port": "${PORT}"`. */
function withVariables(schema: JsonSchema): JsonSchema {
  const { properties, items, additionalProperties, anyOf } = schema;
  if (properties !== undefined) {
    const entries = Object.entries(properties).map(([key, value]) => [key, withVariables(value as JsonSchema)]);
    return { ...schema, properties: Object.fromEntries(entries) };
  }
  if (typeof items === "object" && !Array.isArray(items)) return { ...schema, items: withVariables(items) };
  if (typeof additionalProperties === "object") {
    return { ...schema, additionalProperties: withVariables(additionalProperties) };
  }
  if (anyOf !== undefined) return { ...schema, anyOf: [...(anyOf as JsonSchema[]).map(insideOnly), variable] };
  const { description, default: fallback, ...rule } = schema;
  return {
    ...(rule.type === "string" && Object.keys(rule).length === 1 ? rule : { anyOf: [rule, variable] }),
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
  };
}

const insideOnly = (schema: JsonSchema) =>
  schema.properties === undefined && schema.items === undefined ? schema : withVariables(schema);

// Not a command: run it after a change of the configuration's schema.
if (import.meta.main) writeFileSync(new URL("../../config.schema.json", import.meta.url), configJsonSchema());
