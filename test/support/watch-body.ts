import { ProxyError } from "../../src/core/errors.ts";

/**
 * Passes a body on and tells when it has ended, or that it broke.
 *
 * @param idleMs longest wait for a chunk; 0 is no limit
 */
export function watchBody(
  source: ReadableStream<Uint8Array>,
  idleMs: number,
  signal: AbortSignal,
  onEnd: (bytes: number, error?: unknown) => void,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  let bytes = 0;
  let ended = false;

  function end(error?: ProxyError): void {
    if (ended) return;
    ended = true;
    onEnd(bytes, error);
  }

  async function readInTime() {
    if (idleMs === 0) return await reader.read();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`nothing came for ${idleMs} ms`)), idleMs);
    });
    return await Promise.race([reader.read(), late]).finally(() => clearTimeout(timer));
  }

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        signal.addEventListener("abort", () => {
          if (ended) return;
          controller.error(signal.reason);
          end(new ProxyError("client_aborted"));
          reader.cancel(signal.reason).catch(() => {});
        });
      },
      async pull(controller) {
        try {
          const { done, value } = await readInTime();
          if (!done) {
            bytes += value.byteLength;
            return controller.enqueue(value);
          }
          controller.close();
          end();
        } catch (cause) {
          const error = new ProxyError("http_response_incomplete", { cause });
          controller.error(error);
          end(error);
          reader.cancel(error).catch(() => {});
        }
      },
      cancel(reason) {
        end(new ProxyError("client_aborted", { cause: reason }));
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
