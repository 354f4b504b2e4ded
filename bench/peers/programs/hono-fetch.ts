import { Hono } from "hono";
import { nextBackend, targetOf } from "./settings.ts";

/** A proxy as one writes it first: Hono, fetch, and the body passed on. */
export const app = new Hono();

app.all("*", async (c) => {
  const { method, headers, body, url } = c.req.raw;
  const hasBody = method !== "GET" && method !== "HEAD";
  const answer = await fetch(nextBackend() + targetOf(url), {
    method,
    headers,
    redirect: "manual",
    ...(hasBody && { body, duplex: "half" }),
  });
  return new Response(answer.body, answer);
});
