import { Hono } from "hono";

/** What the probes of an orchestrator ask about this process. */
export interface Readiness {
  isDraining(): boolean;
  /** Whether every pool that is checked has had a sweep. */
  isSwept(): boolean | Promise<boolean>;
}

/** `/livez` and `/readyz`: they need no token, and say no more than one word. */
export function adminApp(readiness: Readiness): Hono {
  const app = new Hono();
  app.get("/livez", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    if (readiness.isDraining()) return context.text("draining\n", 503);
    return (await readiness.isSwept()) ? context.text("ok\n") : context.text("starting\n", 503);
  });
  return app;
}
