import assert from "node:assert/strict";
import { closeOf, opcode } from "../../support/frames.ts";
import { accepting, openOn } from "../../support/raw-websocket.ts";
import type { CaseContext, ConformanceCase, StagePlan } from "../case.ts";
import { joined, sockets } from "../joined.ts";
import { bodyCases } from "./bodies.ts";
import { connectionCases } from "./connections.ts";
import { fidelityCases } from "./fidelity.ts";
import { forwardingCases } from "./forwarding.ts";
import { interimCases } from "./interim.ts";
import { targetCases } from "./targets.ts";
import { relayedFloodCases, webSocketFloodCases } from "./websocket-floods.ts";
import { webSocketHandshakeCases } from "./websocket-handshakes.ts";
import { webSocketMessageCases } from "./websocket-messages.ts";

const serve = ["deno", "run", "-A", "test/conformance/mounted/deno-serve.ts"] as const;

/** Kept by plan, as the stages are. */
const plans = new WeakMap<object, object>();

function servedByDeno<Name extends string>(plan: StagePlan<Name>): StagePlan<Name> {
  const made = (plans.get(plan) as StagePlan<Name> | undefined) ?? { ...plan, serve };
  plans.set(plan, made);
  return made;
}

/** The same, but that Deno.serve takes the requests: as with `deno serve`, and on Deno Deploy. */
const denoContext = (context: CaseContext): CaseContext => ({
  ...context,
  stage: (plan) => context.stage(servedByDeno(plan)),
  start: (config) => context.start(config, serve),
});

/** A case asked again where Deno.serve takes the requests. @param gap why it does not hold there */
export const byDenoServe = (one: ConformanceCase, gap?: string): ConformanceCase => ({
  ...one,
  name: `${one.name}, by Deno.serve`,
  only: ["deno"],
  gaps: gap === undefined ? {} : { deno: gap },
  run: (context) => one.run(denoContext(context)),
});

/** What Deno.serve cannot, by case. */
const gaps: Readonly<Record<string, string>> = {
  "forwarding: a 205 ends at its head":
    "Deno's server takes the Content-Length from a 205, and the connection stays open",
  "targets: bytes beyond ASCII arrive byte for byte where they are UTF-8":
    "Deno's server hands them over as text, and they go on percent-encoded",
  "fidelity: fields of a request keep their order and their spelling, and repeated ones their lines":
    "Headers sorts them by name and writes names in lower case",
  "fidelity: 150 fields of a request pass": "Deno's server refuses that many with 400",
  "fidelity: a status's reason passes as it is": "Deno's server writes the reason that it knows for a status",
  "fidelity: a 304 keeps the length that its backend says": "Deno's server takes the Content-Length from a 304",
  "interim: a 103 is passed on before the answer, with its fields":
    "a web Response has no place for an answer before the answer",
  "interim: trailers of an answer reach the client that asked for them": "trailers do not pass through a web Response",
  "interim: trailers of a request reach the backend": "Deno's server drops them",
  "interim: a client that is refused is not asked for its body first":
    "Deno's server asks for a body before anybody is asked whether it is wanted",
  "websocket: extensions are the ends' own matter": "relayed message by message: Deno's server gives no socket away",
  "websocket: a close of the client of a rare kind reaches the backend with its code and its reason":
    "Deno's server takes a client's close of 1014, or of 1016 to 2999, for a breach of the protocol",
  "websocket: a backend that goes with a FIN and no close frame is gone for the client too":
    "Deno's server cannot end a WebSocket without a close frame: its code is 1011",
  "websocket: a backend that goes with a RST and no close frame is gone for the client too":
    "Deno's server cannot end a WebSocket without a close frame: its code is 1011",
  "websocket: a backend's ping reaches the client, and the client's pong the backend":
    "Deno's server answers pings itself, and cannot send any",
  "websocket: a client's ping reaches the backend": "Deno's server answers pings itself, and cannot send any",
  "websocket: a backend that takes nothing holds the client back, and gets everything in the end":
    "Deno's server reads whatever comes: see the next case",
};

/** What it can, and must. */
const kept: ReadonlySet<string> = new Set([
  "targets: slashes and dots that climb nowhere arrive byte for byte",
  "targets: percent-encodings arrive as they came, also broken ones",
  "bodies: an upload is passed on before it ends",
  "bodies: server-sent events are relayed at once",
  "bodies: a client that reads nothing holds the backend back",
  "fidelity: an answer to HEAD says the length that its backend says, and none where it says none",
  "connections: pipelined requests are answered in their order, or the connection is closed with a word",
  "websocket: texts and binaries of every length pass in both directions",
  "websocket: a close of the backend reaches the client with its code and its reason",
  "websocket: a close of the client reaches the backend with its code and its reason",
  "websocket: a refused handshake is the backend's answer as it came",
]);

/** Where WebSockets are relayed message by message. */
const relayed: readonly ConformanceCase[] = [
  {
    name: "websocket: where messages are relayed no extension is agreed on",
    async run(context) {
      const { backends, connect } = await context.stage(sockets);
      backends.main.handle(accepting());
      const changes = { "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits" };
      const { head } = await openOn(await connect(), { changes });
      assert.equal((await backends.main.arrival(0)).field("sec-websocket-extensions"), undefined);
      assert.equal(head.field("sec-websocket-extensions"), undefined);
    },
  },
  {
    name: "websocket: a backend that goes without a close frame is told to the client as 1011",
    async run(context) {
      const { client, arrival, backend } = await joined(context);
      backend.say(opcode.text, "last words");
      arrival.socket.end();
      assert.equal((await client.message()).toString(), "last words");
      assert.equal(closeOf(await client.next())[0], 1011);
    },
  },
  {
    name: "websocket: a backend's ping is answered, if only by the balancer",
    async run(context) {
      const { backend } = await joined(context);
      backend.say(opcode.ping, "are you there");
      const pong = await backend.next();
      assert.deepEqual([pong.opcode, pong.payload.toString()], [opcode.pong, "are you there"]);
    },
  },
];

const asked: readonly ConformanceCase[] = [
  ...[
    ...forwardingCases,
    ...targetCases,
    ...fidelityCases,
    ...bodyCases,
    ...interimCases,
    ...connectionCases,
    ...webSocketHandshakeCases,
    ...webSocketMessageCases,
    ...webSocketFloodCases,
  ].filter(({ name }) => name in gaps || kept.has(name)),
  ...relayed,
  ...relayedFloodCases,
];

export const denoServeCases: readonly ConformanceCase[] = asked.map((one) => byDenoServe(one, gaps[one.name]));
