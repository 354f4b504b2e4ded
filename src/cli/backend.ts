import { createServer } from "node:http";
import process from "node:process";
import { type Command, parseOptions, portFrom, UsageError } from "./command.ts";
import { listenFailure } from "./listen-failure.ts";

const hostname = "127.0.0.1";

/** `roundabout backend`: a backend to try things with. It answers with its port, and 200 at `/health`. */
export const backend: Command = {
  summary: "run a small backend that answers with its port",
  usage: "PORT",
  async run(args) {
    const { positionals, values } = parseOptions(args, { "ends-with-parent": { type: "boolean" } });
    const [text] = positionals;
    if (text === undefined || positionals.length > 1) throw new UsageError("expected one port");
    const port = portFrom(text);
    const server = createServer((request, response) => {
      response.setHeader("content-type", "text/plain; charset=utf-8");
      response.end(request.url === "/health" ? "ok\n" : `${port}\n`);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(listenFailure(error, { hostname, port })));
      server.listen(port, hostname, resolve);
    });
    process.stdout.write(`backend ${process.pid} listening on http://${hostname}:${port}\n`);
    // The parent holds the other end: it closes whichever way the parent ends.
    if (values["ends-with-parent"]) process.stdin.resume().once("end", () => process.exit(0));
    return await new Promise<number>(() => {});
  },
};
