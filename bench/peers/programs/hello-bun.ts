import { body } from "./hello.ts";
import { port } from "./settings.ts";

declare const Bun: { serve(options: object): unknown };

Bun.serve({ fetch: () => new Response(body), port, hostname: "127.0.0.1" });
