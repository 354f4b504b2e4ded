import { type Path, pathKey } from "../core/problems.ts";

const part = `(?:[\\w-]+|"[^"]*"|'[^']*')`;
const dotted = `${part}(?:\\s*\\.\\s*${part})*`;
const header = new RegExp(`^\\s*(\\[\\[?)\\s*(${dotted})\\s*\\]`);
const assignment = new RegExp(`^(\\s*)(${dotted})\\s*=`);

/**
 * Where the tables and keys of a TOML text begin, by their path; smol-toml does not tell.
 *
 * Reads line by line: what stands inside inline tables and lists is not found, and is told at the key that holds it.
 */
export function tomlKeys(text: string): ReadonlyMap<string, number> {
  const offsets = new Map<string, number>();
  const lastOf = new Map<string, number>(); // by the path of an array of tables, the position of its latest
  let table: Path = [];
  let inString = false;
  let offset = 0;
  for (const line of text.split("\n")) {
    const [, brackets, name] = inString ? [] : (header.exec(line) ?? []);
    const [, indent, key] = inString ? [] : (assignment.exec(line) ?? []);
    if (brackets !== undefined && name !== undefined) {
      table = [];
      const keys = split(name);
      for (const [index, step] of keys.entries()) {
        table = [...table, step];
        offsets.set(pathKey(table), offsets.get(pathKey(table)) ?? offset);
        const isNew = brackets === "[[" && index === keys.length - 1;
        const last = lastOf.get(pathKey(table)) ?? -1;
        if (isNew) lastOf.set(pathKey(table), last + 1);
        if (isNew || last >= 0) table = [...table, isNew ? last + 1 : last];
      }
      offsets.set(pathKey(table), offset);
    } else if (key !== undefined) {
      const path = [...table, ...split(key)];
      for (let length = table.length + 1; length <= path.length; length++) {
        const place = pathKey(path.slice(0, length));
        if (!offsets.has(place)) offsets.set(place, offset + (indent ?? "").length);
      }
    }
    if (((line.match(/"""|'''/g) ?? []).length % 2) === 1) inString = !inString;
    offset += line.length + 1;
  }
  return offsets;
}

function split(name: string): string[] {
  return [...name.matchAll(new RegExp(part, "g"))].map(([word]) => word.replace(/^(["'])(.*)\1$/, "$2"));
}
