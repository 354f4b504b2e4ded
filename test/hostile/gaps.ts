import type { RuntimeName } from "../conformance/runtimes.ts";

/** Something that a runtime's own server does before anybody behind it sees the request, or of which it tells nobody. */
export interface Gap {
  /** For the docs: what the runtime does. None of these shows the backend a request or a body that the client did not send. */
  readonly what: string;
  readonly runtimes: readonly RuntimeName[];
  /** Names of cases. */
  readonly cases: readonly string[];
}

const form = (...ends: string[]) => ends.map((end) => `target: in absolute form, ${end}`);

/** The docs list these; a test finds out when one is none any more. */
export const gaps: readonly Gap[] = [
  {
    what:
      "of a target in absolute form the path alone is told, so Host decides whatever host, port or user stands there",
    runtimes: ["workers"],
    cases: form(
      "of another route's host",
      "of another port",
      "of https and another host",
      "with a user",
      "with a user of the same host",
      "with a port beyond 65535",
    ),
  },
  {
    what:
      "targets of other schemes and in authority form are told as paths, those without a slash as `/`; a long host is not counted",
    runtimes: ["workers"],
    cases: [
      ...form("of ftp", "without slashes"),
      "target: in authority form",
      "target: that begins with a letter",
      "target: of 20 kB of host",
    ],
  },
  {
    what: "an empty Host line is dropped where another one follows, and an empty Transfer-Encoding line beside chunked",
    runtimes: ["workers"],
    cases: ["Host twice, the first empty", "Transfer-Encoding in two lines of which one is empty"],
  },
  {
    what: "control characters other than CR, LF and NUL pass in a field's value",
    runtimes: ["workers"],
    cases: ["lines: an escape in a value", "lines: a DEL in a value", "lines: a backspace in a value"],
  },
  {
    what: "a NUL in a chunk's extension is passed over with it",
    runtimes: ["workers"],
    cases: ["chunks: an extension with a NUL in it"],
  },
  {
    what: "CONNECT is refused with a 500 of the runtime's own",
    runtimes: ["workers"],
    cases: [
      "CONNECT to a host and port",
      "CONNECT to a path",
      "CONNECT in absolute form",
      "CONNECT with a request behind it",
      "CONNECT with a length and a request as its body",
      "CONNECT of HTTP/1.0",
    ],
  },
  {
    what:
      "a client that leaves with a FIN is noticed when the backend next says something, or with `timeouts.response`",
    runtimes: ["workers"],
    cases: [
      "abort: a client that leaves while it waits for the answer's head with a FIN leaves nothing behind",
      "abort: a client that leaves while it waits for the answer to its body with a FIN leaves nothing behind",
      "abort: a client that leaves in the answer's silent body with a FIN leaves nothing behind",
    ],
  },
];

export const gapOf = (name: string, runtime: RuntimeName): Gap | undefined =>
  gaps.find(({ runtimes, cases }) => runtimes.includes(runtime) && cases.includes(name));
