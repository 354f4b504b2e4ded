import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

/** A table of the page about the runtimes. */
export interface PageTable {
  /** The heading that it stands under. */
  readonly section: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const runtimesPage = readFileSync(join(resolve(import.meta.dirname, "../.."), "docs/runtimes.md"), "utf8");

/** How the columns of the runtimes are headed, in their order. */
export const runtimeColumns = { node: "Node", bun: "Bun", deno: "Deno", workers: "Workers" } as const;

/** The tables of a Markdown text, cell by cell. */
export function tablesOf(markdown: string): PageTable[] {
  const tables: { section: string; header: string[]; rows: string[][] }[] = [];
  let section = "";
  let isTable = false;
  for (const line of markdown.split("\n")) {
    section = /^#+ (.*)$/.exec(line)?.[1] ?? section;
    const cells = line.startsWith("|") ? cellsOf(line) : undefined;
    if (cells === undefined) isTable = false;
    else if (!isTable) {
      tables.push({ section, header: cells, rows: [] });
      isTable = true;
    } else if (!cells.every((cell) => /^:?-+:?$/.test(cell))) tables.at(-1)!.rows.push(cells);
  }
  return tables;
}

function cellsOf(line: string): string[] {
  return line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim().replaceAll("\\|", "|"));
}

/** A row of a table. */
export const rowOf = (cells: readonly string[]): string =>
  `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
