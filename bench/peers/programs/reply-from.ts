import { readFileSync } from "node:fs";
import replyFrom from "@fastify/reply-from";
import fastify from "fastify";
import { nextBackend, port, tls } from "./settings.ts";

const app = fastify({
  logger: false,
  ...(tls &&
    { https: { cert: readFileSync(tls.cert), key: readFileSync(tls.key) } }),
});
app.register(replyFrom, {
  undici: { connections: 256, pipelining: 1, keepAliveTimeout: 60_000 },
});
// Bodies pass unread.
app.removeAllContentTypeParsers();
app.addContentTypeParser("*", (_request, body, done) => done(null, body));
app.all(
  "/*",
  (_request, reply) => reply.from(undefined, { getUpstream: nextBackend }),
);
await app.listen({ port, host: "127.0.0.1" });
