import { ProxyError } from "../../core/errors.ts";
import type { Ports } from "../../core/ports.ts";
import { dial } from "../../transports/http1/dial.ts";
import { codeOfConnecting } from "../../transports/node-errors.ts";

/** Connects as requests do, and closes again: on Node, Bun and Deno. */
export const tcpConnect: Ports["connect"] = (place, signal) =>
  new Promise((resolve, reject) => {
    const abort = () => {
      stop();
      reject(new ProxyError("connection_timeout"));
    };
    const stop = dial(place, (cause, socket) => {
      signal.removeEventListener("abort", abort);
      socket?.on("error", () => {}).destroy();
      if (cause === undefined) resolve();
      else reject(new ProxyError(codeOfConnecting(cause, false), { cause }));
    });
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
  });
