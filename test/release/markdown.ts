import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./command.ts";

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Of its opening fence, counted from 1. */
  readonly line: number;
}

/** A command as it is shown after `$ `, and what is shown below it. */
export interface Step {
  readonly command: string;
  readonly output: string;
}

export const readme = readFileSync(join(root, "README.md"), "utf8");

/** The fenced blocks of a text, in order. */
export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(.*)\n([^]*?)^```$/gm)].map((
    { 1: language = "", 2: text = "", index },
  ) => ({
    language,
    text,
    line: markdown.slice(0, index).split("\n").length,
  }));
}

/** What stands between two marks of this name. */
export function between(markdown: string, mark: string): string {
  return markdown.split(`<!-- ${mark}: begin -->`)[1]?.split(
    `<!-- ${mark}: end -->`,
  )[0] ?? "";
}

/** The commands of a console block, in order. */
export function stepsOf({ text }: Block): Step[] {
  return text.split(/^\$ /m).slice(1).map((part) => {
    const [command = "", ...output] = part.split("\n");
    return { command, output: output.join("\n").trimEnd() };
  });
}

/** `name.ts` of a block that begins with `// name.ts`. */
export const nameOf = ({ text }: Block): string | undefined => /^(?:\/\/|#) (\S+)\n/.exec(text)?.[1];

/** The code that stands in the running text. */
export function inlineCode(markdown: string): string[] {
  const prose = markdown.replace(/^```[^]*?^```$/gm, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
}

/** Text with what differs from run to run made the same: ids, processes, times. */
export function steady(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "ID")
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replace(/("(?:head|total)Ms":)\d+/g, "$1N")
    .replace(/\bbackend \d+ listening/g, "backend PID listening")
    .replace(/[ \t]+$/gm, "")
    .trimEnd();
}
