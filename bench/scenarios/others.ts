import type { Load } from "../load/load.ts";
import { best, get } from "./requests.ts";
import type { Scenario } from "./scenario.ts";

const echo: Load = {
  kind: "websocket",
  path: "/",
  connections: 64,
  messageBytes: 1024,
};

/** Who passes WebSockets on. */
const relays = [
  "node",
  "bun",
  "deno",
  "workerd",
  "nginx",
  "haproxy",
  "caddy",
  "go-tuned",
  "http-proxy-3",
  "httpxy",
  "pass-through",
];

/** What is more than requests over plain connections. */
export const others: readonly Scenario[] = [
  {
    id: "WS",
    title: "WebSocket echo, 1 KiB, 64 connections",
    unit: "message",
    peers: relays,
    cases: [{ label: "", load: echo }],
  },
  {
    id: "TLS",
    title: "S1 over TLS",
    unit: "request",
    peers: best,
    cases: [{ label: "", load: get, tls: true }],
  },
  {
    id: "LATENCY",
    title: "GET 1 KiB, 2,000 requests a second whatever comes back, 64 connections",
    unit: "request",
    peers: [...best, "direct"],
    cases: [{ label: "", load: { ...get, perSecond: 2000 }, warmUp: get }],
  },
];
