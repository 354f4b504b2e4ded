import { body } from "./hello.ts";
import { port } from "./settings.ts";

declare const Deno: {
  serve(options: object, handler: () => Response): unknown;
};

Deno.serve(
  { port, hostname: "127.0.0.1", onListen: () => {} },
  () => new Response(body),
);
