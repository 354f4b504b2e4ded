import type { ProxyError } from "./errors.ts";
import type { Random } from "./ports.ts";
import type { RetryBudgetRule } from "./retry-budget.ts";

/** What deserves another backend, and when; durations in milliseconds. */
export interface RetryRule {
  /** Further tries. */
  readonly attempts: number;
  readonly on: readonly string[];
  readonly methods: readonly string[];
  readonly backoff: { readonly base: number; readonly max: number };
  readonly budget: RetryBudgetRule;
}

/** What came of a try: an answer's status, or why there is none. */
export type Try =
  | { readonly error: ProxyError; readonly status?: undefined }
  | { readonly error?: undefined; readonly status: number };

/** What matters of a request that may be sent again. */
export interface Repeatable {
  readonly method: string;
  /** Whether its body can be sent again from its first byte. */
  readonly replayable: boolean;
  /** Whether its client says that it may be repeated: it has an Idempotency-Key. */
  readonly idempotent: boolean;
}

/**
 * Whether a try may be followed by another one: a method that may be repeated, or a request of which nothing was sent.
 *
 * @see RFC 9110 §9.2.2
 */
export function mayRetry(last: Try, { method, replayable, idempotent }: Repeatable, rule: RetryRule): boolean {
  const reason = reasonOf(last);
  if (reason === undefined || !rule.on.includes(reason) || !replayable) return false;
  return reason === "connect-failure" || idempotent || rule.methods.includes(method);
}

/**
 * How long to wait before a further try, in milliseconds: full jitter, so that those who failed together do not come back together.
 *
 * Nothing after a connect-failure: another backend is not busy because one is not there.
 *
 * @param further 1 for the second try
 * @param retryAfterMs what the last answer asked for; kept up to a second, else it is no use to this request
 * @see AWS Architecture Blog, "Exponential Backoff And Jitter"
 */
export function backoffMs(
  last: Try,
  further: number,
  { backoff: { base, max } }: Pick<RetryRule, "backoff">,
  random: Random,
  retryAfterMs?: number,
): number {
  if (reasonOf(last) === "connect-failure") return 0;
  if (retryAfterMs !== undefined && retryAfterMs <= 1_000) return Math.max(0, retryAfterMs);
  return random() * Math.min(max, base * 2 ** (further - 1));
}

const reasonOf = ({ error, status }: Try): string | undefined => error === undefined ? String(status) : error.row.retry;
