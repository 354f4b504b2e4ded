import type { Traits } from "../core/ports.ts";

const bySocket = "this runtime's server does not tell its connections apart";
const byFetch = "this runtime's fetch connects by its own rules";
const byPlatform = "in front of Workers the platform listens";
const noSockets = "Workers have no Unix sockets";
const unlimited = Number.POSITIVE_INFINITY;
const endless = { ms: unlimited, probes: unlimited, concurrency: unlimited };
const kvOnWorkers = { path: "store.type", why: "a KV binding exists on Workers only" };

const node: Traits = {
  name: "node",
  start: "first",
  healthCheck: true,
  headLimit: "server",
  probeConcurrency: 32,
  window: endless,
  cannot: [kvOnWorkers],
};

const bun: Traits = { ...node, name: "bun" };

const deno: Traits = {
  ...node,
  name: "deno",
  headLimit: "app", // of HTTP/2, and on Deno Deploy
  cancelsBodies: true,
  cannot: [
    kvOnWorkers,
    {
      path: "pools.*.protocol",
      why: "over a backend's GOAWAY Deno's node:http2 ends the process (denoland/deno#36788)",
      except: "http1",
    },
  ],
};

const workers: Traits = {
  name: "workers",
  start: "random",
  knowsPlaces: true,
  readBytes: 256 * 1024, // in the pieces of workerd's own a GiB takes ten times as long
  healthCheck: false,
  headLimit: "app",
  probeConcurrency: 6,
  window: { ms: 60_000, probes: 45, concurrency: 6 }, // of one invocation: 50 subrequests on the free plan, 6 open connections
  cannot: [
    { path: "limits.headTimeout", why: bySocket },
    { path: "limits.idleTimeout", why: bySocket },
    { path: "limits.connections", why: bySocket },
    {
      path: "pools.*.host",
      why: "fetch on Workers sends the backend's own Host; read X-Forwarded-Host",
      except: "upstream",
    },
    { path: "listen.tls", why: byPlatform },
    { path: "listen.redirect", why: byPlatform },
    { path: "listen.*.tls", why: byPlatform },
    { path: "listen.*.redirect", why: byPlatform },
    { path: "listen.1", why: byPlatform },
    { path: "pools.*.tls", why: "fetch on Workers knows backends by the CAs of browsers, and shows no certificate" },
    { path: "pools.*.protocol", why: "fetch on Workers chooses the protocol itself", except: "http1" },
    { path: "pools.*.timeouts.connect", why: byFetch },
    { path: "pools.*.backends.*", why: noSockets, only: /^unix:/ },
    { path: "pools.*.backends.*.url", why: noSockets, only: /^unix:/ },
    { path: "pools.*.timeouts.idle", why: "bodies pass through Workers unread" },
  ],
};

/** What each runtime does otherwise than the rest. */
export const traits = { node, bun, deno, workers } as const;

/** On Deno Deploy the platform listens, and the checks are called by cron, once a minute. */
export const denoDeploy: Traits = {
  ...deno,
  window: { ...endless, ms: 60_000 },
  cannot: [
    ...deno.cannot,
    { path: "limits.headTimeout", why: bySocket },
    { path: "limits.idleTimeout", why: bySocket },
    { path: "limits.connections", why: bySocket },
  ],
};
