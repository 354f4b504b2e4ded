import { longAnswers, shortAnswer } from "../backends/nginx.ts";
import type { HttpLoad } from "../load/load.ts";
import { floors } from "../peers/floors.ts";
import type { Scenario } from "./scenario.ts";

/** S1: what the others are variations of. */
export const get: HttpLoad = {
  kind: "http",
  method: "GET",
  path: "/",
  connections: 64,
  answerBytes: shortAnswer,
};

/** Those that the smaller scenarios are for: ours, and the best of each kind. */
export const best = [
  "node",
  "bun",
  "deno",
  "workerd",
  "nginx",
  "haproxy",
  "caddy",
  "go-tuned",
  "reply-from",
  "hono-fetch",
] as const;

/** Small, large and very large answers, a request with a body, few connections, and connections for one request each. */
export const requests: readonly Scenario[] = [
  one("S1", "GET 1 KiB, 64 connections", get),
  one("S2", "GET 100 KiB, 64 connections", {
    ...get,
    path: "/100k",
    answerBytes: longAnswers["100k"],
  }),
  one("S3", "GET 10 MiB, 8 connections", {
    ...get,
    path: "/10m",
    connections: 8,
    answerBytes: longAnswers["10m"],
  }),
  one("S4", "POST 10 KiB, 64 connections", {
    ...get,
    method: "POST",
    bodyBytes: 10 * 1024,
  }),
  {
    id: "S5",
    title: "GET 1 KiB, few connections",
    unit: "request",
    peers: [...best, "direct"],
    cases: [
      { label: "1 connection", load: { ...get, connections: 1 }, warmUp: get },
      {
        label: "16 connections",
        load: { ...get, connections: 16 },
        warmUp: get,
      },
    ],
  },
  {
    ...one("FLOORS", "S1 by what each runtime can do at least", get),
    peers: [...floors.map(({ name }) => name), "nginx"],
  },
  {
    ...one("S6", "GET 1 KiB, Connection: close", {
      ...get,
      headers: { Connection: "close" },
    }),
    peers: best,
  },
];

function one(id: string, title: string, load: HttpLoad): Scenario {
  return { id, title, unit: "request", cases: [{ label: "", load }] };
}
