import { readFileSync } from "node:fs";
import { app } from "./hono-fetch.ts";
import { port, tls } from "./settings.ts";

declare const Deno: {
  serve(options: object, handler: (request: Request) => unknown): unknown;
};

const secure = tls &&
  { cert: readFileSync(tls.cert, "utf8"), key: readFileSync(tls.key, "utf8") };
Deno.serve(
  { port, hostname: "127.0.0.1", ...secure },
  (request) => app.fetch(request),
);
