import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, ProxyError } from "../../src/core/errors.ts";
import { asProxyError, problem } from "../../src/app/problem.ts";

const context = { requestId: "id-1", accept: null, retryAfter: 7 };
const cause = new Error("connect ECONNREFUSED 10.0.0.1:8081");

describe("the balancer's own answer", () => {
  const rows: { code: ErrorCode; status: number; type: string }[] = [
    { code: "malformed_request", status: 400, type: "http_request_error" },
    { code: "no_route", status: 404, type: "destination_not_found" },
    { code: "method_not_allowed", status: 405, type: "http_request_error" },
    { code: "body_too_large", status: 413, type: "http_request_error" },
    { code: "target_too_long", status: 414, type: "http_request_error" },
    { code: "upgrade_required", status: 426, type: "http_request_error" },
    { code: "head_too_large", status: 431, type: "http_request_error" },
    { code: "proxy_internal_error", status: 500, type: "proxy_internal_error" },
    { code: "body_consumed", status: 500, type: "proxy_internal_error" },
    { code: "not_supported", status: 501, type: "http_request_error" },
    { code: "connection_refused", status: 502, type: "connection_refused" },
    { code: "connection_terminated", status: 502, type: "connection_terminated" },
    { code: "dns_error", status: 502, type: "dns_error" },
    { code: "destination_ip_unroutable", status: 502, type: "destination_ip_unroutable" },
    { code: "tls_error", status: 502, type: "tls_protocol_error" },
    { code: "http_protocol_error", status: 502, type: "http_protocol_error" },
    { code: "destination_unavailable", status: 503, type: "destination_unavailable" },
    { code: "connection_timeout", status: 504, type: "connection_timeout" },
    { code: "http_response_timeout", status: 504, type: "http_response_timeout" },
    { code: "proxy_loop_detected", status: 508, type: "proxy_loop_detected" },
  ];
  for (const { code, status, type } of rows) {
    it(`to ${code} is ${status}, ${type}, without address and cause`, async () => {
      const error = new ProxyError(code, { cause });
      for (const accept of [null, "application/json"]) {
        const response = problem(error, { ...context, accept });
        assert.equal(response.status, status);
        assert.equal(response.headers.get("proxy-status"), `roundabout; error=${type}`);
        assert.equal(response.headers.get("cache-control"), "no-store");
        assert.equal(response.headers.get("retry-after"), status === 503 ? "7" : null);
        assert.equal(response.headers.has("allow"), status === 405);
        assert.equal(response.headers.get("sec-websocket-version"), status === 426 ? "13" : null);
        assert.equal(response.headers.get("upgrade"), status === 426 ? "websocket" : null);
        const body = await response.text();
        assert.doesNotMatch(body, /ECONNREFUSED|10\.0\.0\.1|8081|\bat /);
        assert.match(body, /id-1/);
      }
    });
  }

  it("is one line of text", async () => {
    const response = problem(new ProxyError("body_too_large", { detail: "At most 5 bytes are accepted." }), context);
    assert.equal(response.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(
      await response.text(),
      "413 The request's body is too large. At most 5 bytes are accepted. (request id-1)\n",
    );
  });

  it("is problem details for who asks for JSON", async () => {
    const response = problem(new ProxyError("body_too_large", { detail: "At most 5 bytes are accepted." }), {
      ...context,
      accept: "application/json",
    });
    assert.equal(response.headers.get("content-type"), "application/problem+json");
    assert.deepEqual(await response.json(), {
      type: "https://www.iana.org/assignments/http-proxy-status#http_request_error",
      title: "The request's body is too large",
      status: 413,
      detail: "At most 5 bytes are accepted.",
      requestId: "id-1",
    });
  });

  const accepts: [accept: string | null, type: "json" | "text"][] = [
    [null, "text"],
    ["*/*", "text"],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"],
    ["application/json", "json"],
    ["Application/JSON; charset=utf-8", "json"],
    ["application/problem+json", "json"],
    ["text/html, application/json;q=0.5", "json"],
    ["application/vnd.api+json", "text"],
    ["application/jsonp", "text"],
    ["application/*", "text"],
  ];
  for (const [accept, type] of accepts) {
    it(`is ${type} for Accept: ${accept ?? "nothing"}`, () => {
      const { headers } = problem(new ProxyError("no_route"), { ...context, accept });
      assert.match(String(headers.get("content-type")), type === "json" ? /json/ : /^text\/plain/);
    });
  }
});

describe("what was thrown", () => {
  it("stays as it is when it is a row of the table", () => {
    const error = new ProxyError("no_route");
    assert.equal(asProxyError(error), error);
  });

  it("is the balancer's own failure otherwise, with its cause", () => {
    for (const thrown of [cause, "a string", undefined]) {
      const error = asProxyError(thrown);
      assert.deepEqual([error.code, error.cause], ["proxy_internal_error", thrown]);
    }
  });
});
