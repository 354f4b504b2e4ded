import { Hono } from "hono";
import { proxy } from "hono/proxy";
import { serveOnNode } from "./serve-on-node.ts";
import { nextBackend, targetOf } from "./settings.ts";

/** Hono's own helper, used as its manual shows. */
const app = new Hono();

app.all("*", (c) =>
  proxy(nextBackend() + targetOf(c.req.url), {
    ...c.req,
    method: c.req.method,
    headers: c.req.header(),
    body: c.req.raw.body,
  }));

serveOnNode(app);
