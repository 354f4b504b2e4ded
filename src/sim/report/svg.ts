import type { Plot } from "./plots.ts";

const [width, height, left, top, bottom, right] = [720, 240, 56, 28, 24, 12];
const colors = ["#3366cc", "#dc3912", "#109618", "#ff9900", "#990099", "#0099c6", "#8b5a2b", "#666666"];

/** Several plots, one below the other, as one picture. */
export function asSvg(plots: readonly Plot[]): string {
  const heights = plots.map(heightOf);
  const all = heights.reduce((sum, one) => sum + one, 0);
  let above = 0;
  const parts = plots.map((plot, index) => {
    const part = `<g transform="translate(0 ${above})">${drawn(plot)}</g>`;
    above += heights[index]!;
    return part;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${all}" width="${width}" height="${all}" ` +
    `font-family="sans-serif" font-size="11"><rect width="${width}" height="${all}" fill="#fff"/>\n${
      parts.join("\n")
    }\n</svg>`;
}

/** Names of lines stand in rows of three. */
const legendRows = ({ lines }: Plot) => Math.ceil(lines.filter(({ name }) => name !== "").length / 3);
const heightOf = (plot: Plot) => height + legendRows(plot) * 16 + 8;

function drawn(plot: Plot): string {
  const { title, seconds, lines } = plot;
  const highest = niceAbove(Math.max(...lines.flatMap(({ values }) => values.filter((value) => value !== undefined))));
  const x = (part: number) => Math.round(left + part * (width - left - right));
  const y = (value: number) => Math.round(height - bottom - (value / highest) * (height - top - bottom));
  const rules = [0, 0.25, 0.5, 0.75, 1].map((part) =>
    `<path d="M${left} ${y(part * highest)}H${width - right}" stroke="#ddd"/>` +
    `<text x="${left - 6}" y="${y(part * highest) + 4}" text-anchor="end">${short(part * highest)}</text>` +
    `<text x="${x(part)}" y="${height - 8}" text-anchor="middle">${short(part * seconds)} s</text>`
  );
  const paths = lines.map(({ values }, index) => {
    const points = values.map((value, place) => {
      if (value === undefined) return "";
      const isFirst = values[place - 1] === undefined;
      return `${isFirst ? "M" : "L"}${x((place + 0.5) / values.length)} ${y(value)}`;
    });
    return `<path d="${points.join("")}" fill="none" stroke="${colorOf(index)}" stroke-width="1.3"/>`;
  });
  const legend = lines.filter(({ name }) => name !== "").map(({ name }, index) => {
    const [column, row] = [index % 3, Math.floor(index / 3)];
    const [at, base] = [left + column * 220, height + 10 + row * 16];
    return `<path d="M${at} ${base - 4}h16" stroke="${colorOf(index)}" stroke-width="3"/>` +
      `<text x="${at + 22}" y="${base}">${escaped(name)}</text>`;
  });
  return [`<text x="${left}" y="16" font-weight="bold">${escaped(title)}</text>`, ...rules, ...paths, ...legend]
    .join("\n");
}

const colorOf = (index: number) => colors[index % colors.length]!;

/** The next number above that is easy to divide by four. */
function niceAbove(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 8, 10].map((step) => step * power).find((step) => step >= value) ?? 10 * power;
}

const short = (value: number) => String(Math.round(value * 100) / 100);

export const escaped = (text: string): string => text.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
