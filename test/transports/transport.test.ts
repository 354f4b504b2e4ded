import type { Transport } from "../../src/core/ports.ts";
import { transportContract } from "../contracts/transport.ts";
import type { TransportTraits } from "../contracts/transport/case.ts";

const undici: TransportTraits = {
  invents: ["connection"],
  gaps: {
    "answer: an interim 100 is passed over": "undici ends the connection at a 100 that it did not ask for",
    "broken: status 101 that nobody asked for is http_protocol_error":
      "undici tells it as a connection that was closed",
  },
};

const resends = "Bun sends a GET again by itself, and does not tell whether a connection was kept";
const unparsed = "Bun's fetch parses the URL and collapses slashes";

const bun: TransportTraits = {
  invents: ["accept", "connection", "user-agent"],
  gaps: {
    "request: //x goes on the wire byte for byte": unparsed,
    "request: //x:1/y goes on the wire byte for byte": unparsed,
    "broken: a TLS record is http_protocol_error": "Bun waits for more of it, until the response's deadline",
    "broken: a head of more than 64 KiB is http_protocol_error": "Bun takes heads of any size",
    "broken: a reset of a body that ends with its connection breaks the body and is told to onEnd":
      "Bun takes a reset for the end",
    "connect: a backend that never accepts a request without a body is connection_timeout":
      "Bun does not tell when a connection stands",
    "connections: a kept one that dies by a FIN before the head says that it was kept": resends,
    "connections: a kept one that dies by a reset before the head says that it was kept": resends,
    "connections: a kept one that dies by half a head before the head says that it was kept": resends,
    "connections: ten requests with a body of known length one after another share one":
      "Bun closes some connections after a streamed body",
  },
};

async function own(): Promise<readonly [name: string, create: () => Transport, traits: TransportTraits]> {
  // undici is Bun's own stand-in there, which lacks what is imported from it: the file is loaded only where it is used.
  if ("Bun" in globalThis) return ["bunTransport", (await import("../../src/transports/bun.ts")).bunTransport, bun];
  return ["undiciTransport", (await import("../../src/transports/undici.ts")).undiciTransport, undici];
}

transportContract(...(await own()));
