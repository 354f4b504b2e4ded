import { Hono } from "hono";
import { createLoadBalancer } from "../../../src/index.ts";

/** Somebody's own app: a balancer over one backend behind middleware that changes what it gets. */
export function createMountedApp(backend: string): Hono {
  const balancer = createLoadBalancer({
    pools: { web: { backends: [backend], healthCheck: false } },
    log: { access: false },
  });
  const app = new Hono();
  app.get("/own", (context) => context.text("the app's own"));
  app.use("/fields", async (context, next) => {
    const headers = new Headers(context.req.raw.headers);
    headers.set("x-changed", "by the middleware");
    headers.set("x-added", "by the middleware");
    headers.delete("x-removed");
    context.req.raw = new Request(context.req.raw, { headers });
    await next();
  });
  app.use("/answer", async (context, next) => {
    await next();
    context.res.headers.set("x-answer", "by the middleware");
  });
  app.use("/consumed", async (context, next) => {
    await context.req.raw.text();
    await next();
  });
  app.use(
    "/path/*",
    async (context) =>
      await balancer.fetch(new Request(context.req.url.replace("/path/", "/changed/"), context.req.raw), context.env),
  );
  app.use(
    "/method",
    async (context) => await balancer.fetch(new Request(context.req.raw, { method: "PUT" }), context.env),
  );
  app.route("/", balancer.app);
  return app;
}
