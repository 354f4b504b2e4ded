import { ProxyError } from "../core/errors.ts";
import type { Clock, Incoming } from "../core/ports.ts";
import type { Slots } from "../core/slots.ts";

/**
 * Takes a request's place in its pool, and gives back how to leave it once.
 *
 * @param patienceMs for which it may wait for one
 * @throws {ProxyError} `connection_limit_reached` where there is none, and nobody may wait or it takes too long; `client_aborted`
 */
export async function takeSlot(
  slots: Slots,
  { onAbort }: Incoming,
  patienceMs: number,
  clock: Clock,
): Promise<() => void> {
  const place = slots.take();
  if (place === "full") throw new ProxyError("connection_limit_reached");
  if (place !== "taken") {
    const waited = new AbortController();
    let hasLeft = false;
    const stop = onAbort(() => {
      hasLeft = true;
      place.giveUp();
    });
    clock.sleep(patienceMs, waited.signal).then(place.giveUp);
    const isTaken = await place.taken;
    stop();
    waited.abort();
    if (!isTaken) throw new ProxyError(hasLeft ? "client_aborted" : "connection_limit_reached");
  }
  let left = false;
  return () => {
    if (left) return;
    left = true;
    slots.leave();
  };
}
