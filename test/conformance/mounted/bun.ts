import { createMountedApp } from "./app.ts";

interface BunServer {
  readonly port: number;
}

declare const Bun: {
  serve(
    options: {
      port: number;
      hostname: string;
      fetch(request: Request, server: BunServer): Response | Promise<Response>;
    },
  ): BunServer;
};

const app = createMountedApp(process.env["BACKEND"] ?? "");
const { port } = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, server) => app.fetch(request, { server }),
});
console.log(`listening on http://127.0.0.1:${port}`);
