import type { Figure } from "../figures.ts";

/** Lines of a Markdown table; cells that are not there are empty. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]) =>
    `| ${
      head.map((_, index) => (cells[index] ?? "").replaceAll("|", "\\|")).join(
        " | ",
      )
    } |`;
  return [
    line(head),
    `| ${head.map(() => "---").join(" | ")} |`,
    ...rows.map(line),
  ];
}

/** A figure, and in brackets how many times nginx's it is. */
export function cell({ value, ratio }: Figure): string {
  if (!Number.isFinite(value)) return nothing;
  return `${short(value)}${ratio === undefined || !Number.isFinite(ratio) ? "" : ` (${ratio.toFixed(2)})`}`;
}

/** Where there is no figure, and nothing to say of it. */
export const nothing = "–";

/** Three digits, or all before the point. */
export function short(value: number): string {
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1);
}
