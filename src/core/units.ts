import * as v from "valibot";

const milliseconds = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };
const bytes = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 };

// setTimeout fires at once for more than 2^31 - 1 ms, a little under 25 days.
const longestDuration = 24 * 24 * milliseconds.h;

/** `"250ms"`, `"10s"`, `"5m"`, `"1h"` or whole milliseconds; comes out as milliseconds. */
export const duration = (min: number, max: number = longestDuration) =>
  quantity(milliseconds, /^\d+(ms|s|m|h)$/, min, max, {
    form: 'a duration such as "10s" or "250ms", or a number of milliseconds',
    range: `a duration from ${formatDuration(min)} to ${formatDuration(max)}`,
  });

/** `"512B"`, `"64KiB"`, `"10MiB"`, `"1GiB"` or whole bytes; comes out as bytes. */
export const size = (min: number = 0) =>
  quantity(bytes, /^\d+(B|KiB|MiB|GiB)$/, min, Number.MAX_SAFE_INTEGER, {
    form: 'a size such as "64KiB" or "10MiB", or a number of bytes',
    range: `a size from ${formatSize(min)}`,
  });

export const formatDuration = (ms: number): string => formatQuantity(ms, milliseconds);
export const formatSize = (count: number): string => formatQuantity(count, bytes);

function formatQuantity(amount: number, units: Record<string, number>): string {
  const [unit, factor] = Object.entries(units).find(([, factor]) => amount >= factor && amount % factor === 0) ??
    ["", 1];
  return `${amount / factor}${unit}`;
}

function quantity(
  units: Record<string, number>,
  pattern: RegExp,
  min: number,
  max: number,
  expected: { readonly form: string; readonly range: string },
) {
  const { form, range } = expected;
  return v.pipe(
    v.union(
      [
        v.pipe(v.string(form), v.regex(pattern, form)),
        v.pipe(v.number(form), v.integer(form), v.minValue(min, range), v.maxValue(max, range)),
      ],
      form,
    ),
    v.transform((value) => {
      if (typeof value === "number") return value;
      const [, amount, unit] = /^(\d+)(\w+)$/.exec(value) ?? [];
      return Number(amount) * (units[unit ?? ""] ?? NaN);
    }),
    v.minValue(min, range),
    v.maxValue(max, range),
  );
}

/** `"10%"` or 10; comes out as a number from 0 to 100. */
export function percent() {
  const expected = 'a percentage from 0 to 100, such as "10%" or 10';
  return v.pipe(
    v.union(
      [
        v.pipe(v.string(expected), v.regex(/^\d+(\.\d+)?%$/, expected)),
        v.pipe(v.number(expected), v.minValue(0, expected), v.maxValue(100, expected)),
      ],
      expected,
    ),
    v.transform((value) => (typeof value === "number" ? value : Number(value.slice(0, -1)))),
    v.maxValue(100, expected),
  );
}

export function number(min: number, max: number) {
  const expected = `a number from ${min} to ${max}`;
  return v.pipe(v.number(expected), v.minValue(min, expected), v.maxValue(max, expected));
}

export function wholeNumber(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const expected = `a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? "" : ` to ${max}`}`;
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected));
}
