import type { VirtualClock } from "./clock.ts";
import { createDetections, type Detections } from "./detections.ts";
import type { Isolate } from "./isolate.ts";
import type { Answer } from "./request.ts";
import type { Scenario } from "./schema.ts";

/** What was seen in one stretch of time. */
export interface Stretch {
  /** Requests that began here, and that ended here. */
  begun: number;
  requests: number;
  errors: number;
  /** Of answers that are no error, in milliseconds, in the order in which they came. */
  readonly latencies: number[];
  /** By backend. */
  readonly tries: Uint32Array;
}

/** What was seen of one backend. */
export interface BackendRecord {
  tries: number;
  good: number;
  inFlight: number;
  peak: number;
}

/** What was seen of a run; all times in milliseconds. */
export interface Observed {
  readonly scenario: Scenario;
  readonly ids: readonly string[];
  readonly stretchMs: number;
  readonly stretches: readonly Stretch[];
  readonly backends: readonly BackendRecord[];
  readonly requests: number;
  readonly errors: number;
  readonly tries: number;
  /** Of all requests, summed up. */
  readonly timeMs: number;
  readonly firstErrorAt: number | undefined;
  readonly lastErrorAt: number | undefined;
  /** Of each client: whether it saw an error, and who answered it first and last; -1: nobody. */
  readonly hit: Uint8Array;
  readonly firstHome: Int32Array;
  readonly lastHome: Int32Array;
  readonly ejections: number;
  readonly transitions: number;
  readonly detections: Pick<Detections, "routedAround" | "turned" | "failedTries">;
}

/** Writes down what happens. */
export interface Recorder {
  tried(id: string, now: number): void;
  tryEnded(id: string, good: boolean): void;
  answered(answer: Answer): void;
  ejected(): void;
  /** The checks have turned a backend. */
  turned(id: string, status: "healthy" | "unhealthy", isFirst: boolean): void;
  /** An isolate is asked, and has failed with a pick. */
  asked(isolate: Isolate): void;
  failed(isolate: Isolate, id: string): void;
  result(): Observed;
}

/** So many points has a plot. */
const points = 120;

export function createRecorder(scenario: Scenario, ids: readonly string[], clock: VirtualClock): Recorder {
  const stretchMs = Math.max(1, Math.ceil(scenario.duration / points));
  const stretches: Stretch[] = [];
  const backends = ids.map((): BackendRecord => ({ tries: 0, good: 0, inFlight: 0, peak: 0 }));
  const placeOf = new Map(ids.map((id, place) => [id, place]));
  const { count } = scenario.clients;
  const [hit, firstHome, lastHome] = [new Uint8Array(count), new Int32Array(count), new Int32Array(count)];
  firstHome.fill(-1);
  lastHome.fill(-1);
  const detections = createDetections(scenario);
  let [requests, errors, tries, timeMs, ejections, transitions] = [0, 0, 0, 0, 0, 0];
  let firstErrorAt: number | undefined;
  let lastErrorAt: number | undefined;

  function stretchAt(now: number): Stretch {
    // What ends after the last client has come is told together: it may be hours.
    const place = Math.min(points, Math.floor(now / stretchMs));
    while (stretches.length <= place) {
      stretches.push({ begun: 0, requests: 0, errors: 0, latencies: [], tries: new Uint32Array(ids.length) });
    }
    return stretches[place]!;
  }

  return {
    tried(id, now) {
      const place = placeOf.get(id)!;
      const backend = backends[place]!;
      tries++;
      backend.tries++;
      if (++backend.inFlight > backend.peak) backend.peak = backend.inFlight;
      stretchAt(now).tries[place]!++;
    },
    tryEnded(id, good) {
      const backend = backends[placeOf.get(id)!]!;
      backend.inFlight--;
      if (good) backend.good++;
    },
    answered({ client, startedAt, status, id }) {
      const now = clock.now();
      const stretch = stretchAt(now);
      requests++;
      stretch.requests++;
      timeMs += now - startedAt;
      if (status < 500) {
        stretch.latencies.push(now - startedAt);
        const home = placeOf.get(id!)!;
        if (firstHome[client] === -1) firstHome[client] = home;
        lastHome[client] = home;
        return;
      }
      errors++;
      stretch.errors++;
      hit[client] = 1;
      firstErrorAt ??= now;
      lastErrorAt = now;
    },
    ejected: () => void ejections++,
    turned(id, status, isFirst) {
      if (!isFirst) transitions++;
      if (status === "unhealthy") detections.judged(id, clock.now());
    },
    asked(isolate) {
      stretchAt(clock.now()).begun++;
      detections.look(isolate, clock.now());
    },
    failed: (isolate, id) => detections.failed(isolate, id, clock.now()),
    result: () => ({
      scenario,
      ids,
      stretchMs,
      stretches,
      backends,
      requests,
      errors,
      tries,
      timeMs,
      firstErrorAt,
      lastErrorAt,
      hit,
      firstHome,
      lastHome,
      ejections,
      transitions,
      detections: {
        routedAround: detections.routedAround,
        turned: detections.turned,
        failedTries: detections.failedTries,
      },
    }),
  };
}
