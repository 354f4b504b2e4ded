import { tokenOf } from "../../core/fields.ts";

/** A message's fields as they came: name, value, name, value, in Latin-1; and the names in lower case. */
export interface FieldLines {
  readonly fields: readonly string[];
  readonly names: readonly string[];
}

const controls = /[^\t\r\n\x20-\x7e\x80-\xff]/;

/**
 * Reads field lines from the end of the line before them on.
 *
 * Strict, because whatever is read in two ways is a way to smuggle: no bare line feeds, no folded lines, no space before a colon.
 */
export function parseFields(text: string, from: number, malformed: (what: string) => never): FieldLines {
  if (controls.test(text)) malformed("a control character");
  const fields: string[] = [];
  const names: string[] = [];
  for (let end = from; end < text.length;) {
    const start = end + 2;
    end = endOfLine(text, start, malformed);
    const colon = text.indexOf(":", start);
    if (colon < 0 || colon >= end) malformed("a field");
    const name = text.slice(start, colon);
    fields.push(name, trimmed(text, colon + 1, end));
    names.push(tokenOf(name) ?? malformed("a field's name"));
  }
  return { fields, names };
}

/** Where a line ends: at a CR LF or with the text, and nowhere else. */
export function endOfLine(text: string, start: number, malformed: (what: string) => never): number {
  const at = text.indexOf("\r", start);
  const end = at < 0 ? text.length : at;
  const feed = text.indexOf("\n", start);
  if (at < 0 ? feed >= 0 : feed !== at + 1) malformed("a line's end");
  return end;
}

/** Whether a list in lower case has a name in it. */
export const lists = (list: string | null, name: string): boolean =>
  list !== null && list.includes(name) && list.split(",").some((item) => item.trim() === name);

function trimmed(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

const isSpace = (code: number) => code === 32 || code === 9;
