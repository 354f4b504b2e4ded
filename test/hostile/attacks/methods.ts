import { type Attack, message, smuggled } from "../attack.ts";

const refuse = (name: string, line: string, fields: readonly string[] = [], body = ""): Attack => ({
  name,
  rule: "refuse",
  bytes: (decoy) => message([line.replace("DECOY", `127.0.0.1:${decoy}`), "Host: balancer.test", ...fields], body),
});

/** CONNECT asks for a tunnel, TRACE for an echo of what a client may not see: there is neither. */
export const methods: readonly Attack[] = [
  refuse("CONNECT to a host and port", "CONNECT DECOY HTTP/1.1"),
  refuse("CONNECT to a path", "CONNECT /x HTTP/1.1"),
  refuse("CONNECT in absolute form", "CONNECT http://DECOY/x HTTP/1.1"),
  {
    // A CONNECT that is refused leaves the connection as it was: what follows may be a request, or nothing.
    ...refuse("CONNECT with a request behind it", "CONNECT DECOY HTTP/1.1", [], smuggled),
    rule: "either",
    seen: [{ method: "GET", target: "/smuggled" }],
  },
  refuse("CONNECT with a length and a request as its body", "CONNECT DECOY HTTP/1.1", [
    `Content-Length: ${smuggled.length}`,
  ], smuggled),
  refuse("CONNECT in small letters", "connect DECOY HTTP/1.1"),
  refuse("CONNECT of HTTP/1.0", "CONNECT DECOY HTTP/1.0"),
  refuse("TRACE", "TRACE /x HTTP/1.1", ["Cookie: secret=1"]),
  refuse("TRACE with Max-Forwards of 0", "TRACE /x HTTP/1.1", ["Max-Forwards: 0"]),
  refuse("TRACE with a request as its body", "TRACE /x HTTP/1.1", [`Content-Length: ${smuggled.length}`], smuggled),
  refuse("TRACE of an asterisk", "TRACE * HTTP/1.1"),
  {
    name: "OPTIONS of an asterisk",
    rule: "refuse",
    bytes: message(["OPTIONS * HTTP/1.1", "Host: balancer.test"]),
    seen: [{ method: "OPTIONS", target: "/*" }],
  },
  {
    name: "a method that another field would override",
    rule: "serve",
    bytes: message(["POST /x HTTP/1.1", "Host: balancer.test", "X-HTTP-Method-Override: DELETE", "Content-Length: 0"]),
    seen: [{ method: "POST", target: "/x", fields: { "x-http-method-override": ["DELETE"] } }],
  },
];
