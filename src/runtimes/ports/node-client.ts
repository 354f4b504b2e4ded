import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { TLSSocket } from "node:tls";
import { rawFields, withHopByHop } from "../../core/fields.ts";
import type { Client, RawRequest } from "../../core/ports.ts";
import { plainAddress } from "./common.ts";
import { askForBody } from "./node-continue.ts";
import type { NodeEnv } from "./node-response.ts";

/** What is known of a request that a server of node:http or node:http2 took; `undefined` of any other. */
export function nodeClient(env: unknown): Client | undefined {
  const { incoming, outgoing, target } = (env ?? {}) as Partial<NodeEnv>;
  if (incoming === undefined || outgoing === undefined) return undefined;
  return {
    address: plainAddress(incoming.socket.remoteAddress),
    port: incoming.socket.localPort,
    secure: (incoming.socket as TLSSocket).encrypted === true, // a client of HTTP/2 says any scheme it likes
    direct: target !== undefined,
    raw: target === undefined ? undefined : rawRequest(incoming, outgoing, target),
    onLeave(listener) {
      if (outgoing.closed ?? (outgoing as unknown as Http2ServerResponse).stream.destroyed) listener();
      outgoing.on("close", listener);
      return () => outgoing.off("close", listener);
    },
  };
}

function rawRequest(incoming: IncomingMessage, outgoing: ServerResponse, target: string): RawRequest {
  const isFirst = incoming.httpVersionMajor === 1;
  return {
    headers: rawFields(isFirst ? incoming.rawHeaders : fieldsOfStream(incoming as unknown as Http2ServerRequest)),
    target,
    unbounded: !isFirst, // node:http2 tells clients the limit, and takes 64 KiB all the same
    ask: () => askForBody(outgoing),
    async whole(length) {
      await new Promise(setImmediate); // until then the parser has gone on with what it was given
      if (!isFirst || !incoming.complete || incoming.readableLength !== length) return undefined;
      return incoming.read() as Uint8Array;
    },
    trailers: () => incoming.rawTrailers,
    onInterim(status, fields) {
      // 100 is the server's own affair (RFC 9110 §10.1.1); a client of HTTP/1.0 knows no interim answers (§15.2).
      if (status === 100 || outgoing.headersSent) return;
      if (!isFirst) return sendInterim(outgoing as unknown as Http2ServerResponse, status, fields);
      if (incoming.httpVersionMinor > 0) outgoing.socket?.write(interimHead(status, fields), "latin1");
    },
  };
}

function interimHead(status: number, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  const drop = withHopByHop(["content-length"]);
  for (let index = 0; index < fields.length; index += 2) {
    if (!drop.has(fields[index]!.toLowerCase())) text += `${fields[index]}: ${fields[index + 1]}\r\n`;
  }
  return `${text}\r\n`;
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
