/** Serves what the entry exports by default, as `deno serve` and Deno Deploy do. */
import { readFileSync } from "node:fs";
import process from "node:process";

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { port: number }): void },
    handler: (request: Request, info: { remoteAddr: { hostname: string } }) => Response | Promise<Response>,
  ): unknown;
};

const [, , , file = ""] = process.argv; // behind -c
process.env["ROUNDABOUT_CONFIG"] = file;
const { listen } = JSON.parse(readFileSync(file, "utf8")) as { listen: { port: number; hostname: string } };
const { default: entry } = await import("../../../src/runtimes/deno.ts");
const onListen = ({ port }: { port: number }) => console.log(`listening on http://127.0.0.1:${port}`);
Deno.serve({ ...listen, onListen }, entry.fetch);
