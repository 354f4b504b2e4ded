import type { Transport } from "../../src/core/ports.ts";
import { createPorts } from "#runtime";
import { transportContract } from "../contracts/transport.ts";

// Node's, Bun's or Deno's, by the condition under which this runtime imports.
transportContract("the transport that ships", () => createPorts().transport, { invents: [], gaps: {} });

// In an app of somebody's own the answers of Bun and Deno take another form than for our own servers.
const direct = (transport: Transport): Transport => (incoming, outgoing) =>
  transport({ ...incoming, direct: true }, outgoing);
transportContract(
  "the transport that ships, as our servers are given its answers,",
  () => direct(createPorts().transport),
  {
    invents: [],
    gaps: {},
  },
);
