import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { HttpLoad, Place } from "./load.ts";

/** Sends one request of the load, and again while the proxy gets ready; gives back what is wrong with its answer. */
export async function wrongAnswer(
  load: HttpLoad,
  place: Place,
): Promise<string | undefined> {
  const until = performance.now() + 5000;
  for (;;) {
    const answer = await once(load, place).catch((error: Error) => error.message);
    const wrong = typeof answer === "string" ? answer : wrongIn(answer, load);
    const mayBecomeRight = typeof answer === "string" || answer.status >= 500;
    if (wrong === undefined || !mayBecomeRight || performance.now() > until) {
      return wrong;
    }
    await sleep(100);
  }
}

interface Answer {
  readonly status: number;
  readonly bytes: number;
}

function wrongIn(
  { status, bytes }: Answer,
  { answerBytes }: HttpLoad,
): string | undefined {
  if (status !== 200) return `it answered with status ${status}`;
  return bytes === answerBytes ? undefined : `it answered with ${bytes} bytes in place of ${answerBytes}`;
}

function once(load: HttpLoad, { port, tls }: Place): Promise<Answer> {
  const { method, path, headers, bodyBytes = 0 } = load;
  return new Promise((resolve, reject) => {
    const request = (tls ? httpsRequest : httpRequest)({
      host: "127.0.0.1",
      port,
      method,
      path,
      headers: {
        ...headers,
        ...(bodyBytes > 0 && { "content-length": bodyBytes }),
      },
      agent: false,
      timeout: 5000,
      // Its certificate was made a moment ago.
      rejectUnauthorized: false,
    }, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => void (bytes += chunk.length));
      response.on("error", reject);
      response.on(
        "end",
        () => resolve({ status: response.statusCode ?? 0, bytes }),
      );
    });
    request.on(
      "timeout",
      () => request.destroy(new Error("it did not answer")),
    );
    request.on("error", reject);
    request.end(Buffer.alloc(bodyBytes, "x"));
  });
}
