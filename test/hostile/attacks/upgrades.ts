import { field, flags, frame, frameTypes, settings as frameOfSettings } from "../../support/raw-http2.ts";
import { type Attack, get, handshake, message, post, smuggled } from "../attack.ts";

const settings = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA";

/** HTTP/2 by prior knowledge (RFC 9113 §3.3): the preface, settings and a request. */
const spoken = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frameOfSettings(),
  frame(
    frameTypes.headers,
    flags.endStream | flags.endHeaders,
    1,
    Buffer.concat([
      field(":method", "GET"),
      field(":scheme", "http"),
      field(":authority", "balancer.test"),
      field(":path", "/spoken"),
    ]),
  ),
]).toString("latin1");

const refuse = (what: string, bytes: string): Attack => ({ name: `upgrade: ${what}`, rule: "refuse", bytes });

/** A handshake that comes to nothing, and a request behind it: that is one more request, never the bytes of a tunnel. */
const failing = (what: string, lines: readonly string[]): Attack => ({
  name: `upgrade: a handshake ${what} opens no tunnel`,
  rule: "either",
  bytes: get("/up", ...lines) + smuggled,
  seen: [{ method: "GET", target: "/smuggled" }],
});

const without = (name: string) => handshake.filter((line) => !line.startsWith(name));

/** An upgrade that a backend takes would be a tunnel past everything here; what no connection names goes no further either. */
export const upgrades: readonly Attack[] = [
  refuse("h2c", get("/up", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", settings)),
  refuse("h2c without naming its settings", get("/up", "Connection: Upgrade", "Upgrade: h2c", settings)),
  refuse("h2c in capitals", get("/up", "CONNECTION: UPGRADE", "UPGRADE: H2C", settings)),
  refuse("h2c with tabs", get("/up", "Connection:\tkeep-alive\t,\tUpgrade", "Upgrade:\th2c")),
  refuse("h2c in two Connection lines", get("/up", "Connection: keep-alive", "Connection: Upgrade", "Upgrade: h2c")),
  refuse("websocket and then h2c", get("/up", "Connection: Upgrade", "Upgrade: websocket, h2c", settings)),
  refuse("h2c and then websocket", get("/up", "Connection: Upgrade", "Upgrade: h2c, websocket", settings)),
  refuse("websocket and h2c in two lines", get("/up", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c")),
  refuse("h2 over TLS", get("/up", "Connection: Upgrade", "Upgrade: h2")),
  refuse("TLS", get("/up", "Connection: Upgrade", "Upgrade: TLS/1.0, HTTP/1.1")),
  refuse("an unknown protocol", get("/up", "Connection: Upgrade", "Upgrade: x")),
  refuse(
    "h2c with a request as its body",
    post(
      [`Content-Length: ${smuggled.length}`, "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", settings],
      smuggled,
    ),
  ),
  {
    ...refuse("h2c with a request behind it", get("/up", "Connection: Upgrade", "Upgrade: h2c", settings) + smuggled),
    rule: "either",
    seen: [{ method: "GET", target: "/smuggled" }],
  },
  refuse(
    "websocket on a POST",
    post(["Content-Length: 0", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]),
  ),
  {
    name: "upgrade: h2c that Connection does not name",
    rule: "either",
    bytes: get("/up", "Upgrade: h2c", settings),
    seen: [{ method: "GET", target: "/up", fields: { upgrade: [] } }],
  },
  {
    name: "upgrade: settings of HTTP/2 that Connection names",
    rule: "either",
    bytes: get("/up", "Connection: HTTP2-Settings", settings),
    seen: [{ method: "GET", target: "/up", fields: { upgrade: [], "http2-settings": [] } }],
  },
  { ...refuse("the preface of HTTP/2", spoken), seen: [{ method: "GET", target: "/spoken" }] },
  failing("of version 777", [...without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 777"]),
  failing("of two versions", [...handshake, "Sec-WebSocket-Version: 13"]),
  failing("without a version", without("Sec-WebSocket-Version")),
  failing("without a key", without("Sec-WebSocket-Key")),
  failing("with two keys", [...handshake, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]),
  failing("with a short key", [...without("Sec-WebSocket-Key"), "Sec-WebSocket-Key: c2hvcnQ="]),
  {
    name: "upgrade: a handshake that the backend refuses opens no tunnel",
    rule: "either",
    bytes: get("/up", ...handshake) + smuggled,
    seen: [{ method: "GET", target: "/up" }, { method: "GET", target: "/smuggled" }],
  },
  {
    name: "upgrade: a handshake with a request as its body",
    rule: "refuse",
    bytes: get("/up", ...handshake, `Content-Length: ${smuggled.length}`) + smuggled,
  },
  {
    name: "upgrade: a handshake with chunks",
    rule: "refuse",
    bytes: get("/up", ...handshake, "Transfer-Encoding: chunked") + "4\r\nbody\r\n0\r\n\r\n",
  },
  refuse("the preface of HTTP/2 and a request of HTTP/1.1", `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${smuggled}`),
  {
    ...refuse("the preface of HTTP/2 behind a request", `${get("/up")}PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`),
    rule: "either",
    seen: [{ method: "GET", target: "/up" }],
  },
  refuse("PRI as a method of HTTP/1.1", message(["PRI * HTTP/1.1", "Host: balancer.test"])),
];
