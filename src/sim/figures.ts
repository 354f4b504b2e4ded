import type { Observed } from "./record.ts";
import { mean, quantile, sorted, variation } from "./statistics.ts";

/** What can be read off a run. */
export interface Figure {
  readonly label: string;
  /** What it means, where the label leaves a doubt. */
  readonly note?: string;
  /** How it is written. */
  readonly unit: "count" | "percent" | "times" | "milliseconds" | "seconds";
  /** `undefined`: there is nothing that it could be read off. */
  of(run: Observed, followed: readonly string[]): number | undefined;
}

const latencies = new WeakMap<Observed, Float64Array>();

function latency(run: Observed, share: number): number {
  const known = latencies.get(run) ?? sorted(run.stretches.map((stretch) => stretch.latencies));
  latencies.set(run, known);
  return quantile(known, share);
}

const seconds = (ms: number | undefined) => (ms === undefined ? undefined : ms / 1000);
const ordered = (values: readonly number[]) => Float64Array.from(values).sort();
const least = (values: readonly number[]) => ordered(values)[0];
const most = (values: readonly number[]) => ordered(values).at(-1);
const middle = (values: readonly number[]) => (values.length === 0 ? undefined : quantile(ordered(values), 0.5));
const sum = (values: ArrayLike<number>) => mean(values) * values.length;

/** Clients that have a backend and now have another one; `of` says whose. */
function moved({ firstHome, lastHome, ids }: Observed, of: (id: string) => boolean): number {
  return firstHome.filter((home, client) => home !== -1 && home !== lastHome[client] && of(ids[home]!)).length;
}

const busiest = ({ backends }: Observed) => Math.max(...backends.map(({ tries }) => tries));

/** The worst stretch of time; a few requests would say nothing. */
const worstStretch = ({ stretches }: Observed) =>
  Math.max(
    0,
    ...stretches.filter(({ latencies }) => latencies.length >= 20).map((stretch) =>
      quantile(sorted([stretch.latencies]), 0.99)
    ),
  );

/** Everything that a table can show, by the name that a scenario gives in `columns`. */
export const figures = {
  requests: { label: "requests", unit: "count", of: ({ requests }) => requests },
  errors: {
    label: "errors",
    note: "requests that ended with a 5xx for their client",
    unit: "count",
    of: ({ errors }) => errors,
  },
  errorPercent: {
    label: "errors %",
    unit: "percent",
    of: ({ errors, requests }) => (100 * errors) / Math.max(1, requests),
  },
  clientsHit: { label: "clients hit", note: "clients that saw an error", unit: "count", of: ({ hit }) => sum(hit) },
  errorTime: {
    label: "errors for",
    note: "from the first error to the last",
    unit: "seconds",
    of: ({ firstErrorAt, lastErrorAt }) => seconds(lastErrorAt === undefined ? 0 : lastErrorAt - firstErrorAt!),
  },
  amplification: {
    label: "amplification",
    note: "tries for each request",
    unit: "times",
    of: ({ tries, requests }) => tries / Math.max(1, requests),
  },
  worstAmplification: {
    label: "worst amplification",
    note: "in the worst 120th of the time",
    unit: "times",
    of: ({ stretches }) =>
      Math.max(...stretches.filter(({ begun }) => begun >= 100).map(({ tries, begun }) => sum(tries) / begun)),
  },
  p50: {
    label: "p50",
    note: "time to an answer that is no error",
    unit: "milliseconds",
    of: (run) => latency(run, 0.5),
  },
  p95: { label: "p95", unit: "milliseconds", of: (run) => latency(run, 0.95) },
  p99: { label: "p99", unit: "milliseconds", of: (run) => latency(run, 0.99) },
  p999: { label: "p99.9", unit: "milliseconds", of: (run) => latency(run, 0.999) },
  max: { label: "longest", unit: "milliseconds", of: (run) => latency(run, 1) },
  worstP99: { label: "worst p99", note: "p99 of the worst 120th of the time", unit: "milliseconds", of: worstStretch },
  inFlight: {
    label: "in flight",
    note: "requests, on average",
    unit: "count",
    of: ({ timeMs, scenario }) => timeMs / scenario.duration,
  },
  peak: {
    label: "peak",
    note: "most requests in flight at one backend",
    unit: "count",
    of: ({ backends }) => Math.max(...backends.map(({ peak }) => peak)),
  },
  followedPeak: {
    label: "its peak",
    note: "most requests in flight at the backend that the scenario is about",
    unit: "count",
    of: ({ backends, ids }, followed) =>
      Math.max(0, ...backends.filter((_, place) => followed.includes(ids[place]!)).map(({ peak }) => peak)),
  },
  followedShare: {
    label: "its share",
    note: "of all tries, the part that went to the backend that the scenario is about",
    unit: "percent",
    of: ({ backends, ids, tries }, followed) =>
      (100 * backends.reduce((sum, one, place) => sum + (followed.includes(ids[place]!) ? one.tries : 0), 0)) /
      Math.max(1, tries),
  },
  busiest: {
    label: "busiest",
    note: "tries of the backend that had most, by those of the average one",
    unit: "times",
    of: (run) => busiest(run) / (mean(run.backends.map(({ tries }) => tries)) || 1),
  },
  unevenness: {
    label: "unevenness",
    note: "standard deviation of the tries of backends, by their mean",
    unit: "percent",
    of: ({ backends }) => 100 * variation(backends.map(({ tries }) => tries)),
  },
  ejections: { label: "ejections", unit: "count", of: ({ ejections }) => ejections },
  transitions: {
    label: "transitions",
    note: "times that checks have turned a backend",
    unit: "count",
    of: ({ transitions }) => transitions,
  },
  judgedFirst: {
    label: "judged after",
    note: "from an outage to the verdict of the checks, the soonest and the latest",
    unit: "seconds",
    of: ({ detections }) => seconds(least(detections.turned)),
  },
  judgedLast: {
    label: "judged, latest",
    unit: "seconds",
    of: ({ detections }) => seconds(most(detections.turned)),
  },
  aroundFirst: {
    label: "routed around after",
    note: "from an outage until an isolate no longer picks the backend, of all isolates and outages",
    unit: "seconds",
    of: ({ detections }) => seconds(least(detections.routedAround)),
  },
  aroundMedian: {
    label: "routed around, median",
    unit: "seconds",
    of: ({ detections }) => seconds(middle(detections.routedAround)),
  },
  aroundLast: {
    label: "routed around, latest",
    unit: "seconds",
    of: ({ detections }) => seconds(most(detections.routedAround)),
  },
  failedTries: {
    label: "tries lost",
    note: "by an isolate at a backend until it no longer picked it, on average",
    unit: "times",
    of: ({ detections }) => (detections.failedTries.length === 0 ? undefined : mean(detections.failedTries)),
  },
  clientsMoved: {
    label: "clients moved",
    note: "whose last answer came from another backend than their first",
    unit: "count",
    of: (run) => moved(run, () => true),
  },
  movedNeedlessly: {
    label: "without need",
    note: "of those, whose first backend is not the one that left",
    unit: "count",
    of: (run, followed) => moved(run, (id) => !followed.includes(id)),
  },
} as const satisfies Readonly<Record<string, Figure>>;

export type FigureName = keyof typeof figures;
export const figureNames = Object.keys(figures) as FigureName[];
