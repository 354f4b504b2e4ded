import { type Figure, figures } from "../figures.ts";
import type { Played } from "../play.ts";

/** What a study found, as texts: a column for the names of the runs, where they have some, and one a figure. */
export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function tableOf({ study: { columns, followed }, runs }: Played): Table {
  const isNamed = runs.some(({ name }) => name !== "");
  const header = columns.map((column) => figures[column].label);
  const rows = runs.map(({ name, run }) => {
    const cells = columns.map((column) => write(figures[column].of(run, followed), figures[column].unit));
    return isNamed ? [name, ...cells] : cells;
  });
  return { header: isNamed ? ["", ...header] : header, rows };
}

/** For people on a terminal: columns of the same width, numbers to the right. */
export function asText({ header, rows }: Table): string {
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map((cells) => cells[column]!.length)));
  const isName = (column: number) => column === 0 && header[0] === "";
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => isName(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))
      .join("  ")
      .trimEnd();
  return [header, ...rows].map(line).join("\n");
}

export function asMarkdown({ header, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((label) => (label === "" ? "---" : "---:"));
  return [header, rule, ...rows].map(line).join("\n");
}

/** What the labels of a study mean, where they leave a doubt. */
export function notesOf({ study }: Played): string[] {
  const shown: readonly Figure[] = study.columns.map((column) => figures[column]);
  return shown.flatMap(({ label, note }) => (note === undefined ? [] : [`${label}: ${note}`]));
}

function write(value: number | undefined, unit: Figure["unit"]): string {
  if (value === undefined || !Number.isFinite(value)) return "–";
  if (unit === "count") return grouped(Math.round(value));
  if (unit === "percent") return value.toFixed(2);
  if (unit === "times") return value.toFixed(3);
  if (unit === "seconds") return `${value.toFixed(1)} s`;
  return `${value < 10 ? value.toFixed(1) : grouped(Math.round(value))} ms`;
}

/** Not by `toLocaleString`: runtimes know different languages. */
const grouped = (whole: number) => String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
