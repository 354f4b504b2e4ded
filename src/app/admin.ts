import { Hono } from "hono";

/** What the probes of an orchestrator ask about this process. */
export interface Readiness {
  isDraining(): boolean;
  /** Whether every pool that is checked has had a sweep. */
  isSwept(): Promise<boolean>;
}

/** `/livez` and `/readyz`: they need no token, and say ok or draining and nothing else. Nothing else below the admin path goes to a backend. */
export function adminApp(readiness: Readiness): Hono {
  const app = new Hono();
  app.get("/livez", (context) => context.text("ok\n"));
  app.get("/readyz", async (context) => {
    if (readiness.isDraining()) return context.text("draining\n", 503);
    return (await readiness.isSwept()) ? context.text("ok\n") : context.body(null, 503);
  });
  app.all("/*", (context) => context.text("there is nothing here\n", 404));
  return app;
}
