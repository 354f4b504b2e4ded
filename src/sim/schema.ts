import * as v from "valibot";
import { backendId, oneOf, poolName, quoted } from "../core/config-values.ts";
import { duration, number, percent, wholeNumber } from "../core/units.ts";
import { option, section } from "../core/validate.ts";
import { Distribution } from "./distribution.ts";
import { figureNames } from "./figures.ts";

/** What a backend does that does not work, by the word of a scenario: no answer, or one with this status. */
export const failures = ["refuse", "unreachable", "hang", "500", "502", "503", "504"] as const;

const backendList = () => v.pipe(v.array(backendId(), "a list of backends"), v.minLength(1, "at least one backend"));

const aRate = 'requests a second, or a list such as [{ "at": "0s", "rate": 100 }]';

const Backends = section({
  name: v.pipe(backendId(), v.description("The id; of several they are numbered: b1, b2 ...")),
  count: option(wholeNumber(1, 100_000), undefined, "So many that are alike."),
  service: v.pipe(Distribution, v.description("How long a worker takes for a request.")),
  workers: option(wholeNumber(0), 0, "Requests that are served at the same time; 0: as many as come."),
  queue: option(wholeNumber(0), 100, "How many more wait for a worker; beyond it the answer is a 503."),
  warmUp: option(
    section({ time: duration(1), factor: number(1, 1000) }),
    undefined,
    "After it was away it takes so many times as long, and less and less for so long.",
  ),
  weight: option(number(0, 1000), undefined, "As in a configuration."),
  priority: option(wholeNumber(0), undefined, "As in a configuration."),
  maxRequests: option(wholeNumber(0), undefined, "As in a configuration."),
});

const Clients = section({
  count: option(wholeNumber(1, 10_000_000), 1000, "How many there are; each has its own key for hashes."),
  rate: option(
    v.union([
      number(0, 1_000_000),
      v.pipe(
        v.array(section({ at: duration(0), rate: number(0, 1_000_000) }), aRate),
        v.minLength(1, aRate),
      ),
    ], aRate),
    undefined,
    "Requests a second that come by chance; of a list, the rate goes from one to the next in a straight line.",
  ),
  users: option(wholeNumber(1), undefined, "So many who each wait for an answer and ask again."),
  think: option(Distribution, 0, "How long users wait before they ask again."),
  burst: option(wholeNumber(1), undefined, "So many requests at the same moment, and no others."),
  postPercent: option(percent(), 0, "Of the requests, how many may not be repeated once they were sent."),
});

const Outage = section({
  backends: v.pipe(backendList(), v.description("Who fails.")),
  as: v.pipe(oneOf(failures), v.description("How: no process, no host, no answer, or this status.")),
  from: v.pipe(duration(0), v.description("When it begins.")),
  to: option(duration(0), undefined, "When it ends; never by default."),
  every: option(duration(1), undefined, "It begins again after so long."),
  percent: option(percent(), 100, "Of the requests, how many meet it."),
});

const SlowDown = section({
  backends: v.pipe(backendList(), v.description("Who is slow.")),
  factor: v.pipe(number(0, 100_000), v.description("So many times as long as usual.")),
  from: v.pipe(duration(0), v.description("When it begins.")),
  to: option(duration(0), undefined, "When it ends; never by default."),
  every: option(duration(1), undefined, "It begins again after so long."),
});

const Change = section({
  backends: v.pipe(backendList(), v.description("Whose state is changed.")),
  at: v.pipe(duration(0), v.description("When.")),
  state: v.pipe(oneOf(["active", "drain", "maintenance"]), v.description("As in a configuration.")),
});

const Deploy = section({
  from: v.pipe(duration(0), v.description("When the first backend's turn is.")),
  drain: option(duration(0), 0, "How long each is drained before it goes away."),
  away: option(duration(1), "5s", "How long each is away."),
  pause: option(duration(0), "5s", "Between the return of one and the turn of the next."),
});

export const runtimes = ["node", "bun", "deno", "workers"] as const;

const Store = section({
  delay: option(
    section({ min: duration(0), max: duration(0) }),
    { min: "30s", max: "60s" },
    "Until what was written is seen elsewhere: by chance between the two.",
  ),
  cache: option(duration(0), "10s", "How long each isolate keeps what it has read."),
});

const oneWay = 'one of "rate", "users" and "burst"';

const entries = {
  title: option(v.string("a text"), "", "What it shows, in one line."),
  runtime: option(oneOf(runtimes), "node", "Whose defaults hold, and how backends are checked."),
  duration: v.pipe(duration(1), v.description("How long clients come.")),
  isolates: option(wholeNumber(1, 100_000), 1, "Balancers that know nothing of each other."),
  store: option(Store, {}, "On Workers: how isolates learn what the checks have found."),
  backends: v.pipe(v.array(Backends, "a list of groups of backends"), v.minLength(1, "at least one group")),
  clients: v.pipe(
    Clients,
    v.check(
      ({ rate, users, burst }) => [rate, users, burst].filter((way) => way !== undefined).length === 1,
      oneWay,
    ),
    v.description("Who asks, and how often."),
  ),
  outages: option(v.array(Outage, "a list of outages"), [], "Who fails, when and how."),
  slowDowns: option(v.array(SlowDown, "a list of slow-downs"), [], "Who is slow, and when."),
  changes: option(v.array(Change, "a list of changes"), [], "What people change in the pool."),
  deploys: option(v.array(Deploy, "a list of deploys"), [], "All backends, one after the other, are replaced."),
  pool: option(v.record(v.string(), v.unknown(), "an object"), {}, "As in a configuration, without the backends."),
};

/** One run. */
export const Scenario = section(entries);
export type Scenario = v.InferOutput<typeof Scenario>;

/** What a user may write: a run, and others that differ from it. */
export const Comparison = section({
  ...entries,
  variants: option(
    v.pipe(
      v.record(poolName(), v.record(v.string(), v.unknown(), "an object"), "an object of variants by name"),
      v.minEntries(1, "at least one variant"),
    ),
    undefined,
    "Runs that differ: each has what stands above but for what it says itself.",
  ),
  columns: option(
    v.array(oneOf(figureNames), `a list of ${quoted(figureNames)}`),
    ["requests", "errors", "errorPercent", "clientsHit", "errorTime", "amplification", "p50", "p99", "busiest"],
    "What the table shows.",
  ),
  follow: option(
    backendList(),
    undefined,
    "Whose share the plots show; else the one that the first outage or slow-down names.",
  ),
});
export type Comparison = v.InferOutput<typeof Comparison>;
export type ScenarioInput = v.InferInput<typeof Comparison>;
