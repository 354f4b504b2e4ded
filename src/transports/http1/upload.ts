import type { Socket } from "node:net";
import { ProxyError } from "../../core/errors.ts";
import { trailersToPass } from "../../core/fields.ts";
import type { Incoming, RequestBody } from "../../core/ports.ts";

/** What the exchange is told of a body on its way out. */
export interface UploadEvents {
  /** For the backend to take what is there, or for the client to bring more. */
  onWait(forBackend: boolean): void;
  onSent(): void;
  /** It cannot be sent whole. */
  onBroken(reason: ProxyError): void;
  /** Takes what is to be called when the socket takes more. */
  onDrained(go: () => void): void;
}

/** How a body's bytes are put on a connection. */
export interface BodyWriter {
  /** Gives back whether more is taken at once. */
  write(chunk: Uint8Array): boolean;
  end(trailers: readonly string[]): void;
}

/** Writes a body to a backend at the backend's pace; gives back how to stop. It breaks if it is not as long as announced. */
export function upload(
  body: RequestBody,
  trailers: Incoming["trailers"],
  writer: BodyWriter,
  events: UploadEvents,
): () => void {
  const { length } = body;
  const reader = body.open().getReader();
  let stopped = false;
  let bytes = 0;

  async function run(): Promise<void> {
    for (;;) {
      events.onWait(false);
      const { done, value } = await reader.read();
      if (stopped) return;
      if (done) break;
      bytes += value.byteLength;
      if (length !== undefined && bytes > length) throw new ProxyError("malformed_request");
      if (value.byteLength === 0) continue; // an empty chunk would be the last
      events.onWait(true);
      if (!writer.write(value)) await new Promise<void>(events.onDrained);
      if (stopped) return;
    }
    if (length !== undefined && bytes < length) throw new ProxyError("malformed_request");
    writer.end(trailers?.() ?? []);
    events.onSent();
  }

  run().catch((cause: unknown) => {
    if (!stopped) events.onBroken(cause instanceof ProxyError ? cause : new ProxyError("client_aborted", { cause }));
  });
  return () => {
    if (stopped) return;
    stopped = true;
    reader.cancel().catch(() => {});
  };
}

/** Writes as the request's head has announced: so many bytes, or chunks (RFC 9112 §6). */
export function http1Writer(socket: Socket, length: number | undefined): BodyWriter {
  if (length !== undefined) return { write: (chunk) => socket.write(chunk), end() {} };
  return {
    write(chunk) {
      socket.cork();
      socket.write(`${chunk.byteLength.toString(16)}\r\n`, "latin1");
      socket.write(chunk);
      const goOn = socket.write("\r\n", "latin1");
      socket.uncork();
      return goOn;
    },
    end: (trailers) => void socket.write(lastChunk(trailers), "latin1"),
  };
}

function lastChunk(trailers: readonly string[]): string {
  const fields = trailersToPass(trailers);
  let text = "0\r\n";
  for (let index = 0; index < fields.length; index += 2) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  return `${text}\r\n`;
}
