import process from "node:process";
import { createMountedApp } from "./app.ts";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { port: number }): void },
    handler: (request: Request, info: unknown) => Response | Promise<Response>,
  ): unknown;
};

const app = createMountedApp(process.env["BACKEND"] ?? "");
const onListen = ({ port }: { port: number }) => console.log(`listening on http://127.0.0.1:${port}`);
Deno.serve({ port: 0, hostname: "127.0.0.1", onListen }, (request, info) => app.fetch(request, info as object));
