import type { Played } from "../play.ts";
import { plotsOf } from "./plots.ts";
import { asSvg, escaped } from "./svg.ts";
import { notesOf, tableOf } from "./table.ts";

/** A page of its own: nothing is loaded from anywhere. */
export function asHtml(played: Played): string {
  const { study: { title }, seed } = played;
  const { header, rows } = tableOf(played);
  const row = (cells: readonly string[], tag: "th" | "td") =>
    `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
  const plots = plotsOf(played);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<style>
  body { font: 15px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; background: #fff; color: #111 }
  table { border-collapse: collapse; font-variant-numeric: tabular-nums }
  th, td { padding: .2rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid #ddd }
  th:first-child, td:first-child { text-align: left }
  svg { max-width: 100%; height: auto; margin-top: 1.5rem }
  li { color: #555 }
</style>
<h1>${escaped(title)}</h1>
<p>Seed ${seed}.</p>
<table>
${row(header, "th")}
${rows.map((cells) => row(cells, "td")).join("\n")}
</table>
<ul>${notesOf(played).map((note) => `<li>${escaped(note)}</li>`).join("")}</ul>
${plots.length === 0 ? "" : asSvg(plots)}
</html>
`;
}
