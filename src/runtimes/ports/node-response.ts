import type { IncomingMessage, ServerResponse } from "node:http";
import process from "node:process";

/** What Hono's adapter hands over beside a request. */
export interface NodeEnv {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/**
 * Writes an answer as it is: its own fields and no others about its content, streamed at the pace of the client's socket.
 *
 * Hono's adapter would add a content-type where the backend sent none, and encode fields beyond ASCII twice.
 */
export async function writeResponse(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, fieldsOf(response.headers));
  if (response.body === null) {
    outgoing.end();
    return;
  }
  const reader = response.body.getReader();
  const leave = () => void reader.cancel().catch(() => {});
  outgoing.once("close", leave);
  try {
    const first = reader.read();
    // A body that came together with its head leaves together with it; else the head does not wait.
    if (!(await isSettled(first))) outgoing.write("", "latin1");
    for (let next = await first; !next.done; next = await reader.read()) {
      if (!outgoing.write(next.value)) await drained(outgoing);
    }
    outgoing.end();
  } catch {
    // Broken off: no final chunk, or fewer bytes than announced, is how the client sees it (RFC 9112 §8).
    outgoing.destroy();
  } finally {
    outgoing.off("close", leave);
  }
}

/** Name, value, name, value: duplicates stay apart. */
function fieldsOf(headers: Headers): string[] {
  const fields: string[] = [];
  for (const [name, value] of headers) fields.push(name, value);
  return fields;
}

function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const yes = promise.then(() => true, () => true);
  // The next tick comes when all that is ready now has run.
  return Promise.race([yes, new Promise<boolean>((resolve) => process.nextTick(resolve, false))]);
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      outgoing.off("drain", go);
      outgoing.off("close", go);
      resolve();
    };
    outgoing.once("drain", go);
    outgoing.once("close", go);
  });
}
