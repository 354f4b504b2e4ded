import type { Transport } from "../../src/core/ports.ts";
import { servedByBun } from "../../src/runtimes/ports/bun-answer.ts";
import { createPorts } from "#runtime";
import { transportContract } from "../contracts/transport.ts";

// Node's, Bun's or Deno's, by the condition under which this runtime imports.
transportContract("the transport that ships", () => createPorts().transport, { invents: [], gaps: {} });

// On Bun answers take two further forms, for its own server and for that of node:http2.
if ("Bun" in globalThis) {
  const served = (transport: Transport): Transport => async (incoming, outgoing) => {
    const { method, headers } = incoming;
    return servedByBun(await transport(incoming, outgoing), { method, headers } as Request);
  };
  transportContract(
    "the transport that ships, as Bun.serve is given its answers,",
    () => served(createPorts().transport),
    {
      invents: [],
      gaps: {
        "answer: HEAD keeps Content-Length and Content-Encoding, has no body, and the connection goes on":
          "Bun.serve would say a length of 0 in an answer to HEAD that says none, if it were not told of chunks",
      },
    },
  );

  const direct = (transport: Transport): Transport => (incoming, outgoing) =>
    transport({ ...incoming, direct: true }, outgoing);
  transportContract(
    "the transport that ships, as node:http2 is given its answers,",
    () => direct(createPorts().transport),
    {
      invents: [],
      gaps: {},
    },
  );
}
