import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { TLSSocket } from "node:tls";
import { plainAddress } from "../../core/address.ts";
import { rawFields, withHopByHop } from "../../core/fields.ts";
import type { Client, RawRequest } from "../../core/ports.ts";
import type { ServerEnv } from "../../server/exchange.ts";
import { askForBody } from "./http2-continue.ts";
import type { Http2Env } from "./http2-listener.ts";

/** Of a server in front of which somebody may have changed the request. */
interface ForeignEnv {
  readonly incoming: IncomingMessage | Http2ServerRequest;
  readonly outgoing: ServerResponse | Http2ServerResponse;
}

/** What is known of a request that our server took, or one of node:http or node:http2; `undefined` of any other. */
export function nodeClient(env: unknown): Client | undefined {
  const { client, incoming, outgoing, target } = (env ?? {}) as Partial<ServerEnv & ForeignEnv & Http2Env>;
  if (client !== undefined) return client;
  if (incoming === undefined || outgoing === undefined) return undefined;
  const { socket } = incoming;
  return {
    address: plainAddress(socket.remoteAddress),
    port: socket.localPort,
    secure: (socket as TLSSocket).encrypted === true, // a client of HTTP/2 says any scheme it likes
    direct: target !== undefined,
    raw: target === undefined ? undefined : rawRequest(incoming, outgoing, target),
    onLeave(listener) {
      if ((outgoing as Partial<ServerResponse>).closed ?? outgoing.stream.destroyed) listener();
      outgoing.on("close", listener);
      return () => outgoing.off("close", listener);
    },
  };
}

/** A request of HTTP/2. */
function rawRequest(incoming: Http2ServerRequest, outgoing: Http2ServerResponse, target: string): RawRequest {
  return {
    headers: rawFields(fieldsOfStream(incoming)),
    target,
    unbounded: true, // node:http2 tells clients the limit, and takes 64 KiB all the same
    ask: () => askForBody(outgoing),
    whole: () => undefined,
    trailers: () => incoming.rawTrailers,
    onInterim(status, fields) {
      // 100 is the server's own affair (RFC 9110 §10.1.1).
      if (status !== 100 && !outgoing.headersSent) sendInterim(outgoing, status, fields);
    },
  };
}

function sendInterim({ stream }: Http2ServerResponse, status: number, fields: readonly string[]): void {
  const drop = withHopByHop(["content-length"]);
  const lines: Record<string, string> = Object.create(null);
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!.toLowerCase();
    if (!drop.has(name)) lines[name] = name in lines ? `${lines[name]}, ${fields[index + 1]}` : fields[index + 1]!;
  }
  if (!stream.closed) stream.additionalHeaders({ ":status": status, ...lines });
}

/** The fields of an HTTP/2 request in the form of HTTP/1.1 (RFC 9113 §8.2 and §8.3.1). */
function fieldsOfStream({ rawHeaders: raw, stream }: Http2ServerRequest): readonly string[] {
  const fields: string[] = [];
  const cookies: string[] = [];
  let authority: string | undefined;
  for (let index = 0; index < raw.length; index += 2) {
    const [name, value] = [raw[index]!, raw[index + 1]!];
    if (name === ":authority") fields.push("host", authority = value);
    else if (name === "cookie") cookies.push(value);
    // Two that differ are two hosts, and refused like them.
    else if (!name.startsWith(":") && (name !== "host" || value !== authority)) fields.push(name, value);
  }
  // Clients may take it apart to compress it better: "these MUST be concatenated … using the two-octet delimiter" "; ".
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  // A body that is not announced by its length is announced by nothing else.
  if (!stream.endAfterHeaders && !fields.some((name, index) => index % 2 === 0 && name === "content-length")) {
    fields.push("transfer-encoding", "chunked");
  }
  return fields;
}
