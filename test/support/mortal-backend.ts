import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { readBytes } from "./byte-reader.ts";
import { framingOfRequest, readBody, readHead } from "./http1.ts";

/** How far a connection comes before its backend ends it; `connect`: also those that rest end at once. */
export const phases = [
  "connect",
  "request's head",
  "request's body",
  "whole request",
  "half of the answer's head",
  "answer's head",
  "answer's body",
] as const;

export type Phase = (typeof phases)[number];
export type Death = "FIN" | "reset";

/** A backend whose connections die at a phase of one's choosing, and which counts what reached it before. */
export interface MortalBackend {
  readonly url: string;
  /** From now on, but for requests to `/warm`, which are answered. */
  die(phase: Phase, death: Death): void;
  /** How many requests to this target came, whole or not, whatever became of them. */
  arrivals(target: string): number;
  close(): Promise<void>;
}

const beginnings: Partial<Record<Phase, string>> = {
  "half of the answer's head": "HTTP/1.1 200 OK\r\nX-Half: ",
  "answer's head": "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n",
  "answer's body": "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nnot all",
};

export async function createMortalBackend(): Promise<MortalBackend> {
  const sockets = new Set<Socket>();
  const counts = new Map<string, number>();
  let plan: { readonly phase: Phase; readonly death: Death } | undefined;

  const kill = (socket: Socket) => {
    if (plan?.death === "reset") socket.resetAndDestroy();
    else socket.end();
  };

  const serve = async (socket: Socket) => {
    const reader = readBytes(socket);
    for (;;) {
      const head = await readHead(reader);
      if (head === undefined) return;
      const [, target = ""] = head.start.split(" ");
      counts.set(target, (counts.get(target) ?? 0) + 1);
      const framing = framingOfRequest(head.fields);
      if (plan === undefined || target === "/warm") {
        await readBody(reader, framing);
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwarm");
        continue;
      }
      const { phase } = plan;
      const hasBody = framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0);
      if (phase === "request's body") await reader.take(hasBody ? 1 : 0);
      else if (phase !== "request's head") await readBody(reader, framing);
      const beginning = beginnings[phase];
      if (beginning === undefined) kill(socket);
      else socket.write(beginning, () => kill(socket));
    }
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    if (plan?.phase === "connect") kill(socket);
    // What is still sent on a connection that was ended has been sent all the same.
    serve(socket).catch((error: unknown) => socket.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    die(phase, death) {
      plan = { phase, death };
      if (phase === "connect") { for (const socket of sockets) kill(socket); }
    },
    arrivals: (target) => counts.get(target) ?? 0,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
