import { app } from "./hono-fetch.ts";
import { serveOnNode } from "./serve-on-node.ts";

serveOnNode(app);
