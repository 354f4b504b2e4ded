/** A Workers entry; `close`, if it has it, is what Cloudflare never calls: it ends the checks and turns readiness. */
export interface Entry<Env> {
  scheduled(
    controller: { readonly cron: string; readonly scheduledTime: number },
    env: Env,
    context: WaitUntil,
  ): unknown;
  close?(): unknown;
}

interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** Under which name the secret of this door is bound. */
export const secretBinding = "ROUNDABOUT_CONTROL_SECRET";

/**
 * The door of the process that runs workerd, inside it: `POST /scheduled` does what cron would do, `POST /close` prepares the end.
 *
 * A run is answered when it is over, and ends when its connection is reset: so what it hands to `waitUntil` is awaited too, which
 * workerd would keep going without the request.
 */
export function controlDoor<Env extends { readonly [secretBinding]: string }>(
  entry: Entry<Env>,
): { fetch(request: Request, env: Env, context: WaitUntil): Promise<Response> } {
  return {
    async fetch(request, env, context) {
      if (request.headers.get("authorization") !== `Bearer ${env[secretBinding]}`) {
        return new Response(null, { status: 403 });
      }
      switch (new URL(request.url).pathname) {
        case "/scheduled": {
          const work: Promise<unknown>[] = [];
          await entry.scheduled({ cron: "* * * * *", scheduledTime: Date.now() }, env, {
            waitUntil: (more) => void work.push(more),
          });
          await Promise.all(work);
          return new Response(null, { status: 204 });
        }
        case "/close":
          // Not awaited here: it lasts until nothing is in flight.
          context.waitUntil(outlast(Promise.resolve(entry.close?.())));
          return new Response(null, { status: 204 });
        default:
          return new Response(null, { status: 404 });
      }
    },
  };
}

/** Requests resolve this promise when they end; workerd wants its own request to be there still, and to wait for more than that. */
async function outlast(work: Promise<unknown>): Promise<void> {
  const more = setInterval(() => {}, 1000);
  await work.finally(() => clearInterval(more));
}
