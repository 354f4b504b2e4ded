import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type ConnectionEnd, readBytes } from "./byte-reader.ts";
import { type Body, type Field, framingOfRequest, message, readBody, readHead, valuesOf } from "./http1.ts";
import { within } from "./wait.ts";

/** One request as it reached the backend, byte for byte, and the connection to answer on. */
export interface Arrival {
  readonly method: string;
  readonly target: string;
  readonly fields: readonly Field[];
  readonly head: Buffer;
  /** Counted from 0 over the backend's life. */
  readonly connection: number;
  readonly socket: Socket;
  field(name: string): string | undefined;
  all(name: string): string[];
  /** Read once, however often it is asked for. */
  body(): Promise<Body>;
  /** Waits for the body, then answers with a Content-Length. */
  answer(status: number, fields?: readonly Field[], body?: string | Uint8Array): Promise<void>;
  write(bytes: string | Uint8Array): void;
  /** When the balancer gives the connection up. */
  readonly closed: Promise<ConnectionEnd>;
}

export type Handler = (arrival: Arrival) => unknown;

/** A backend that answers with exactly the bytes that its handler writes. */
export interface RawBackend {
  readonly port: number;
  readonly url: string;
  /** Requests whose head arrived since the last `reset`. */
  readonly arrivals: readonly Arrival[];
  /** Connections accepted since the last `reset`, also those that said nothing. */
  connections(): number;
  handle(handler: Handler): void;
  /** Forgets the arrivals and answers every request with 200 and its own name again. */
  reset(): void;
  /** The arrival of this number since the last `reset`, when it comes. */
  arrival(index: number): Promise<Arrival>;
  /** Stops listening and closes all connections; the port stays this backend's own. */
  refuse(): Promise<void>;
  /** Listens on its port again. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

const reasons: Record<number, string> = {
  200: "OK",
  204: "No Content",
  304: "Not Modified",
  503: "Service Unavailable",
};

export async function createRawBackend(name = "backend", handler?: Handler): Promise<RawBackend> {
  const greet: Handler = (arrival) => arrival.answer(200, [["content-type", "text/plain"]], name);
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  let arrivals: Arrival[] = [];
  let connections = 0;
  let accepted = 0;
  let current = handler ?? greet;

  const serve = async (socket: Socket, connection: number) => {
    const reader = readBytes(socket);
    for (;;) {
      const head = await readHead(reader);
      if (head === undefined) return;
      const [method = "", target = ""] = head.start.split(" ");
      let body: Promise<Body> | undefined;
      const arrival: Arrival = {
        method,
        target,
        fields: head.fields,
        head: head.bytes,
        connection,
        socket,
        field: (key) => valuesOf(head.fields, key)[0],
        all: (key) => valuesOf(head.fields, key),
        body: () => (body ??= readBody(reader, framingOfRequest(head.fields))),
        answer: async (status, fields = [], content = "") => {
          await arrival.body();
          const length: Field[] = status === 204 || status === 304
            ? []
            : [["content-length", `${Buffer.byteLength(content)}`]];
          const start = `HTTP/1.1 ${status} ${reasons[status] ?? "Status"}`;
          arrival.write(message(start, [...fields, ...length], method === "HEAD" ? "" : content));
        },
        write: (bytes) => void (socket.destroyed || socket.write(bytes)),
        closed: reader.ended,
      };
      arrivals.push(arrival);
      for (const tell of waiting) tell();
      await current(arrival);
      await arrival.body();
    }
  };

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    connections += 1;
    serve(socket, accepted++).catch((error: unknown) => socket.destroy(error as Error));
  });
  const listen = async (port: number) => {
    if (server.listening) return;
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  const refuse = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };

  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get arrivals() {
      return arrivals;
    },
    connections: () => connections,
    handle: (next) => void (current = next),
    reset() {
      arrivals = [];
      connections = 0;
      current = handler ?? greet;
    },
    async arrival(index) {
      let tell = () => {};
      const came = new Promise<void>((resolve) => (tell = () => void (arrivals.length > index && resolve())));
      waiting.add(tell);
      tell();
      await within(8000, `request ${index} at backend ${name}, which got ${arrivals.length}`, came).finally(() =>
        waiting.delete(tell)
      );
      return arrivals[index] as Arrival;
    },
    refuse,
    accept: () => listen(port),
    close: refuse,
  };
}
