import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { createMountedApp } from "./app.ts";

const app = createMountedApp(process.env["BACKEND"] ?? "");
serve(
  { fetch: app.fetch, hostname: "127.0.0.1", port: 0 },
  ({ port }: AddressInfo) => console.log(`listening on http://127.0.0.1:${port}`),
);
