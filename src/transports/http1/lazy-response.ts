import type { Answer } from "./exchange.ts";
import { plainResponse } from "./plain-response.ts";

/**
 * An answer that is a Response to everybody who looks, and stays what it was to the server that writes it.
 *
 * Building a Response with its Headers and its stream costs Node as much as the rest of a request; most answers pass unseen.
 */
class LazyResponse {
  readonly #answer: Answer;
  #made: Response | undefined;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  static unseen(response: Response): Answer | undefined {
    return #answer in response && (response as unknown as LazyResponse).#made === undefined
      ? (response as unknown as LazyResponse).#answer
      : undefined;
  }

  get made(): Response {
    return (this.#made ??= plainResponse(this.#answer));
  }

  get status(): number {
    return this.#answer.head.status;
  }
}

const read = ["headers", "body", "bodyUsed", "ok", "redirected", "statusText", "type", "url"] as const;
const call = ["arrayBuffer", "blob", "bytes", "clone", "formData", "json", "text"] as const;
for (const name of read) {
  Object.defineProperty(LazyResponse.prototype, name, {
    get(this: LazyResponse) {
      return this.made[name];
    },
  });
}
for (const name of call) {
  Object.defineProperty(LazyResponse.prototype, name, {
    value(this: LazyResponse) {
      return this.made[name]();
    },
  });
}
Object.setPrototypeOf(LazyResponse.prototype, Response.prototype);

/** A backend's answer as a Response. */
export function lazyResponse(answer: Answer): Response {
  return new LazyResponse(answer) as unknown as Response;
}

/** The answer in a Response that nobody has looked into, or changed. */
export const unseenAnswer = (response: Response): Answer | undefined => LazyResponse.unseen(response);
