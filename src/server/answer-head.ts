import { STATUS_CODES } from "node:http";
import { withHopByHop } from "../core/fields.ts";

/** The request that is answered. */
export interface Asked {
  readonly method: string;
  /** The minor version of HTTP/1. */
  readonly minor: 0 | 1;
}

/** An answer's head before it is framed. */
export interface AnswerStart {
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value; none of one connection only. */
  readonly fields: readonly string[];
}

/** What is known of an answer's body: all of it, how long it is, or nothing yet. */
export type Known = "nothing" | number;

/** A head, and what it says of the bytes that come after it. */
export interface AnswerHead {
  readonly text: string;
  /** How the body is written: not at all, as it is, in chunks, or as it is with the connection's end as its own. */
  readonly body: "none" | "plain" | "chunked" | "close";
  /** Bytes that were announced. */
  readonly length: number | undefined;
}

/**
 * Writes an answer's head, with what frames its body (RFC 9112 §6): the length where it is known, else chunks, else the connection's end.
 *
 * @param known what is known of the body where the fields say no length
 * @param keepAlive whether the connection may be used again
 */
export function answerHead(start: AnswerStart, asked: Asked, known: Known, keepAlive: boolean): AnswerHead {
  const { status, reason, fields } = start;
  const isBare = asked.method === "HEAD" || status === 204 || status === 304;
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  let length: number | undefined;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!;
    if (name.length === 14 && name.toLowerCase() === "content-length") length = Number(fields[index + 1]);
    text += `${name}: ${fields[index + 1]}\r\n`;
  }
  let body: AnswerHead["body"] = isBare ? "none" : "plain";
  if (!isBare && length === undefined) {
    if (known !== "nothing") text += `Content-Length: ${length = known}\r\n`;
    else if (asked.minor === 0) body = "close";
    else {
      body = "chunked";
      text += "Transfer-Encoding: chunked\r\n";
    }
  }
  if (!keepAlive || body === "close") text += "Connection: close\r\n";
  else if (asked.minor === 0) text += "Connection: keep-alive\r\n"; // else the client would not know it (RFC 9112 §9.3)
  return { text: `${text}\r\n`, body, length };
}

export const reasonOf = (status: number): string => STATUS_CODES[status] ?? "";

/** An answer before the answer (RFC 9110 §15.2). */
export function interimHead(status: number, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${reasonOf(status)}\r\n`;
  const drop = withHopByHop(["content-length"]);
  for (let index = 0; index < fields.length; index += 2) {
    if (!drop.has(fields[index]!.toLowerCase())) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  }
  return `${text}\r\n`;
}
