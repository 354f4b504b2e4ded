import * as v from "valibot";
import * as values from "./config-values.ts";
import { duration, number, percent, size, wholeNumber } from "./units.ts";
import { option, section } from "./validate.ts";

const SuccessRate = section({
  interval: option(duration(100), "10s", "How long requests are counted before backends are compared."),
  minimumBackends: option(wholeNumber(2), 5, "Backends with enough requests, or nobody is judged."),
  requestVolume: option(wholeNumber(1), 100, "Requests of a backend within an interval, or it is not judged."),
  stdevFactor: option(
    wholeNumber(1),
    1900,
    "Thousandths of the standard deviation below the mean at which a backend is ejected.",
  ),
}, "false or an object");

export const OutlierDetection = section({
  consecutiveErrors: option(
    wholeNumber(0),
    5,
    "Connect failures, timeouts, resets, 502, 503 and 504 in a row; 0 is off.",
  ),
  consecutive5xx: option(wholeNumber(0), 0, "Answers of any 5xx, and errors, in a row; 0 is off."),
  successRate: option(
    v.union([v.literal(false), SuccessRate], "false or an object"),
    false,
    "Ejects whose share of good answers is far below that of the others.",
  ),
  baseEjectionTime: option(duration(1), "30s", "The first ejection; the n-th in a row is n times as long."),
  maxEjectionTime: option(duration(1), "300s", "The longest ejection."),
  maxEjectionPercent: option(
    percent(),
    50,
    "Of a pool's backends, never more at once, and never the last that could be picked.",
  ),
}, "false or an object");

const reasons = ["connect-failure", "reset", "timeout", "502", "503", "504"] as const;

export const Retry = section({
  attempts: option(wholeNumber(0, 100), 1, "Further tries, each on a backend not yet tried."),
  on: option(
    v.array(
      v.pipe(
        v.picklist([...reasons, 502, 503, 504], values.quoted(reasons)),
        v.transform((reason): string => String(reason)),
      ),
      "a list of reasons",
    ),
    ["connect-failure", "reset", "502", "503", "504"],
    "What may be tried again.",
  ),
  methods: option(
    v.array(values.method(), "a list of methods"),
    ["GET", "HEAD", "OPTIONS"],
    "What may be sent twice; others are tried again with an Idempotency-Key, or on a connect-failure, when nothing was sent.",
  ),
  maxBodyBytes: option(size(), "64KiB", "How much of a request body is kept for a further try."),
  budget: option(
    section({
      percent: option(percent(), 20, "Of the requests in flight."),
      minConcurrent: option(wholeNumber(0), 3, "Further tries that may always be under way."),
    }),
    {},
    "How many further tries may be under way at once, so that they do not multiply the load.",
  ),
  backoff: option(
    section({
      base: option(
        duration(0),
        "25ms",
        "The longest wait before the first further try; each next one may be twice as long.",
      ),
      max: option(duration(0), "250ms", "The longest wait before any."),
    }),
    {},
    "The wait before a further try is chance between 0 and this; there is none after a connect-failure.",
  ),
});

export const CircuitBreaker = section({
  maxRequests: option(wholeNumber(0), 0, "Most requests of the pool in flight; 0 is no limit. More is a 503."),
  maxPending: option(wholeNumber(0), 0, "How many more may wait for a place; 0: nobody waits."),
});

export const SlowStart = section({
  window: option(duration(0), 0, "How long a backend's weight grows after it has come back; 0 is off."),
  aggression: option(number(0.1, 10), 1, "1 grows evenly, more grows faster at the beginning."),
  minWeightPercent: option(percent(), 10, "The part of its weight with which it begins."),
});

export const Drain = section({
  timeout: option(duration(0), "300s", "How long a backend that drains, or has no weight, keeps its sessions."),
});

export const Hedging = section({
  delay: option(
    v.union([v.literal("p95"), duration(1)], 'a duration or "p95"'),
    "p95",
    "After so long without an answer a GET or HEAD is also sent to another backend; p95: what 95 of 100 answers need.",
  ),
  maxPercent: option(percent(), 5, "Of the requests, how many are sent twice."),
}, "false or an object");

const sessionType = '"cookie", "ip" or "header:NAME"';

export const SessionAffinity = section({
  type: v.pipe(
    values.text(/^(?:cookie|ip|header:[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/, sessionType),
    v.description("By what a session is known: a signed cookie, the client's address, or a header field."),
  ),
  cookie: option(
    values.text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "the name of a cookie"),
    "roundabout",
    "The name of the cookie.",
  ),
  ttl: option(
    v.union([v.literal("session"), duration(1000)], 'a duration or "session"'),
    "session",
    "How long the cookie lives after the last answer that set it; session: until the browser forgets it.",
  ),
  secret: option(
    v.pipe(v.string("a text of at least 16 characters"), v.minLength(16, "a text of at least 16 characters")),
    undefined,
    "What the cookie is signed with; needed for it.",
  ),
  failover: option(
    values.oneOf(["sticky", "temporary", "none"]),
    "sticky",
    "When its backend is away: a new one takes the session over, or only until the old one is back, or 503.",
  ),
}, "an object");
