import { app } from "./hono-fetch.ts";
import { port, tls } from "./settings.ts";

declare const Bun: {
  serve(options: object): unknown;
  file(path: string): unknown;
};

Bun.serve({
  fetch: app.fetch,
  port,
  hostname: "127.0.0.1",
  ...(tls && { tls: { cert: Bun.file(tls.cert), key: Bun.file(tls.key) } }),
});
