import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { serve } from "@hono/node-server";
import type { Hono } from "hono";
import { port, tls } from "./settings.ts";

export function serveOnNode(app: Hono): void {
  const secure = tls && {
    createServer,
    serverOptions: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
  };
  serve({ fetch: app.fetch, port, hostname: "127.0.0.1", ...secure });
}
