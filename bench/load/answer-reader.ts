/** One answer, when its last byte is there. */
export type OnAnswer = (status: number, bodyBytes: number) => void;

/**
 * Reads the answers that come on one HTTP/1.1 connection, as much of them as a load needs.
 *
 * @throws at what is no answer
 */
export function answerReader(onAnswer: OnAnswer): (chunk: Buffer) => void {
  let head: Buffer = Buffer.alloc(0);
  let body: Body | undefined;

  const end = (status: number, bytes: number) => {
    body = undefined;
    onAnswer(status, bytes);
  };
  return (chunk) => {
    if (body === undefined) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const headEnd = head.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      body = bodyAfter(head.toString("latin1", 0, headEnd + 2));
      chunk = head.subarray(headEnd + 4);
      head = Buffer.alloc(0);
      if (body.left === 0) return end(body.status, 0);
    }
    body.bytes += chunk.length;
    if (body.left !== undefined) {
      body.left -= chunk.length;
      if (body.left <= 0) end(body.status, body.bytes);
      return;
    }
    // A request waits for its answer, so the last chunk is where the bytes end.
    body.tail = (body.tail +
      chunk.toString("latin1", Math.max(0, chunk.length - lastChunk.length)))
      .slice(
        -lastChunk.length,
      );
    if (body.tail === lastChunk) end(body.status, body.bytes);
  };
}

interface Body {
  readonly status: number;
  bytes: number;
  /** Of a known length. */
  left: number | undefined;
  /** Of a chunked body: the last bytes so far. */
  tail: string;
}

const lastChunk = "\r\n0\r\n\r\n";

function bodyAfter(head: string): Body {
  const status = Number(head.match(/^HTTP\/1\.1 (\d{3})/)?.[1]);
  if (!Number.isFinite(status)) throw new Error("no answer of HTTP/1.1");
  const length = head.match(/\r\ncontent-length: *(\d+)\r\n/i)?.[1];
  // An empty chunked body has no line break in front of its last chunk but that of the head.
  return {
    status,
    bytes: 0,
    left: length === undefined ? undefined : Number(length),
    tail: "\r\n",
  };
}
