import { createServer } from "node:http";
import { Client } from "undici";
import { nextBackend, port } from "./settings.ts";

/** As little as a proxy on Node can do: GET only, bodies that come in one piece, no fields changed, no errors. */
const idle = new Map<string, Client[]>();

createServer({ optimizeEmptyRequests: true }, (request, response) => {
  const backend = nextBackend();
  const clients = idle.get(backend) ?? idle.set(backend, []).get(backend)!;
  const client = clients.pop() ??
    new Client(backend, { pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });
  let body: Uint8Array;
  client.dispatch({
    path: request.url!,
    method: "GET",
    headers: request.rawHeaders,
  }, {
    onRequestStart() {},
    onResponseStart({ rawHeaders }, status) {
      response.sendDate = false;
      response.writeHead(
        status,
        rawHeaders.map((bytes) => bytes.toString("latin1")),
      );
    },
    onResponseData: (_controller, chunk) => void (body = chunk),
    onResponseEnd() {
      clients.push(client);
      response.end(body);
    },
    onResponseError: (_controller, error) => {
      throw error;
    },
  });
}).listen(port, "127.0.0.1");
