import { createHash, randomBytes } from "node:crypto";
import type { Arrival } from "../../support/raw-backend.ts";
import { within } from "../../support/wait.ts";

export const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Bytes that no coding makes smaller and no slip leaves equal. */
export const noise = (length: number): Buffer => randomBytes(length);

export const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

/** A body that is written by hand while it is being sent. */
export interface HandBody {
  readonly stream: ReadableStream<Uint8Array>;
  push(text: string): void;
  end(): void;
  fail(reason: Error): void;
}

export function createHandBody(): HandBody {
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const stream = new ReadableStream<Uint8Array>({ start: (started) => void (controller = started) });
  return {
    stream,
    push: (text) => controller?.enqueue(new TextEncoder().encode(text)),
    end() {
      try {
        controller?.close();
      } catch {
        // Cancelled: whoever reads had the bytes that were announced and did not wait for the end.
      }
    },
    fail: (reason) => controller?.error(reason),
  };
}

/** A body of `total` bytes that counts how many of them were taken. */
export function createCountedBody(total: number): { readonly stream: ReadableStream<Uint8Array>; taken(): number } {
  const chunk = new Uint8Array(64 * 1024);
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (taken >= total) return controller.close();
        taken += chunk.length;
        controller.enqueue(chunk.slice());
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken: () => taken };
}

/** Reads what comes on an arrival's connection from now on, beside whoever else reads it, until `text` came. */
export function sees(arrival: Arrival, text: string): Promise<void> {
  let seen = "";
  const came = new Promise<void>((resolve) => {
    arrival.socket.on("data", (bytes: Buffer) => {
      seen += bytes.toString("latin1");
      if (seen.includes(text)) resolve();
    });
  });
  return within(
    5000,
    () => `${JSON.stringify(text)} at the backend; so far ${JSON.stringify(seen.slice(0, 200))}`,
    came,
  );
}

/** The body by pieces as they come. */
export function readerOf(response: Response): { text(): Promise<string | undefined>; cancel(): Promise<void> } {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  return {
    async text() {
      const { done, value } = await within(5000, "a piece of the body", reader.read());
      return done ? undefined : Buffer.from(value).toString("latin1");
    },
    cancel: () => reader.cancel(),
  };
}

/** How a body that must not end in order did end. */
export async function breakOf(response: Response): Promise<{ readonly bytes: number; readonly reason: unknown }> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  let bytes = 0;
  for (;;) {
    const next = await within(8000, "the body's end", reader.read()).catch((reason: unknown) => ({ reason }));
    if ("reason" in next) return { bytes, reason: next.reason };
    if (next.done) throw new Error(`the body ended in order after ${bytes} bytes`);
    bytes += next.value.byteLength;
  }
}

/** The last value of a count that does not grow any more: asked until it stayed the same for `quietMs`. */
export async function settled(count: () => number, quietMs = 400): Promise<number> {
  for (let before = count(), since = performance.now();;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = count();
    if (now !== before) since = performance.now();
    else if (performance.now() - since > quietMs) return now;
    before = now;
  }
}
