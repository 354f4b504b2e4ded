import { connect } from "node:net";
import { ProxyError } from "../../core/errors.ts";
import type { Ports } from "../../core/ports.ts";
import { codeOfConnecting } from "../../transports/node-errors.ts";

/** Connects and closes again, by node:net: on Node, Bun and Deno. */
export const tcpConnect: Ports["connect"] = (host, port, signal) =>
  new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const abort = () => socket.destroy(new ProxyError("connection_timeout"));
    signal.addEventListener("abort", abort);
    socket.once("connect", () => {
      resolve();
      socket.destroy();
    });
    socket.once("error", (cause) =>
      reject(cause instanceof ProxyError ? cause : new ProxyError(codeOfConnecting(cause, false), { cause })));
    socket.once("close", () =>
      signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
