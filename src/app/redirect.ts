import { ProxyError } from "../core/errors.ts";
import { inspect } from "../proxy/inspect.ts";
import type { LoadBalancer } from "./app.ts";
import { asProxyError, problem } from "./problem.ts";

/**
 * Sends everybody to the same URL by https, and nothing to a backend.
 *
 * @param port where https is listened on, asked for each request
 * @param newId gives the id of an answer that is no redirect
 * @see RFC 9110 §15.4.9: of a 308 method and body stay what they are
 */
export function redirectToHttps(port: () => number, newId: () => string): LoadBalancer["fetch"] {
  return (request) => {
    try {
      const { headers } = request;
      // Where none came, the URL has the name of whoever made it up.
      if (!headers.get("host")) throw new ProxyError("malformed_request", { detail: "Host is missing." });
      const { host, path, query } = inspect(request, undefined, undefined);
      const hostname = host.replace(/:\d*$/, "");
      const origin = `https://${hostname}${port() === 443 ? "" : `:${port()}`}`;
      return new Response(null, {
        status: 308,
        headers: { location: `${origin}${path}${query}`, "content-length": "0" },
      });
    } catch (thrown) {
      return problem(asProxyError(thrown), {
        requestId: newId(),
        accept: request.headers.get("accept"),
        retryAfter: 1,
      });
    }
  };
}
