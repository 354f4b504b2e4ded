import type { Hono } from "hono";
import { createMountedApp } from "./app.ts";

let app: Hono | undefined;

export default {
  fetch(request: Request, env: { BACKEND: string }, context: unknown): Response | Promise<Response> {
    app ??= createMountedApp(env.BACKEND);
    return app.fetch(request, env, context as Parameters<Hono["fetch"]>[2]);
  },
  scheduled(): void {},
};
