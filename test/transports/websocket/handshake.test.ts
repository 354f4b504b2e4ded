import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ProxyError } from "../../../src/core/errors.ts";
import { parseHead } from "../../../src/transports/http1/head.ts";
import { checkSwitch } from "../../../src/transports/websocket/handshake.ts";

// The example of RFC 6455 §1.3.
const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const check = (...fields: readonly string[]) =>
  checkSwitch({ head: parseHead(["HTTP/1.1 101 Switching Protocols", ...fields].join("\r\n"), "GET") }, key);

const isMalformed = (error: unknown) => error instanceof ProxyError && error.code === "http_protocol_error";

describe("a backend's 101", () => {
  it("is taken whatever its spelling and its further tokens", async () => {
    const right = `Sec-WebSocket-Accept: ${accept}`;
    assert.equal(await check("Upgrade: websocket", "Connection: Upgrade", right), accept);
    assert.equal(await check("UPGRADE: WebSocket", "connection: keep-alive", "connection: UPGRADE", right), accept);
  });

  const wrong: readonly (readonly [what: string, fields: readonly string[]])[] = [
    ["no accept", ["Upgrade: websocket", "Connection: Upgrade"]],
    ["another accept", ["Upgrade: websocket", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept.toLowerCase()}`]],
    ["two accepts", [
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${accept}`,
      `Sec-WebSocket-Accept: ${accept}`,
    ]],
    ["no upgrade", ["Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`]],
    ["another protocol", ["Upgrade: h2c", "Connection: Upgrade", `Sec-WebSocket-Accept: ${accept}`]],
    ["no connection", ["Upgrade: websocket", `Sec-WebSocket-Accept: ${accept}`]],
    ["a connection that only begins so", [
      "Upgrade: websocket",
      "Connection: upgraded",
      `Sec-WebSocket-Accept: ${accept}`,
    ]],
  ];
  for (const [what, fields] of wrong) {
    it(`with ${what} is malformed`, () => assert.rejects(check(...fields), isMalformed));
  }
});
