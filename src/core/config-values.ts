import * as v from "valibot";

export function text(pattern: RegExp, expected: string) {
  return v.pipe(v.string(expected), v.regex(pattern, expected));
}

export function oneOf<const Choices extends readonly string[]>(choices: Choices) {
  return v.picklist(choices, quoted(choices));
}

export function quoted(choices: readonly string[]): string {
  const words = choices.map((choice) => `"${choice}"`);
  return words.length === 1 ? String(words[0]) : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** Patterns are also read by people, as part of the JSON Schema. */
const patterns = {
  token: /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, // RFC 9110 §5.6.2
  fieldValue: /^[\t\x20-\x7e\x80-\xff]*$/, // RFC 9110 §5.5
  method: /^[A-Z][A-Z0-9_-]*$/,
  hostname: /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/,
  hostField: /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/,
  serverName: /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
  sniName: /^(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
  hostPattern: /^(\*|(\*\.)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])$/,
  pathPattern: /^(\*|\/\*|(\/[!-"$-)+->@-~]*)(\/\*)?)$/,
  pathPrefix: /^\/[!-"$-)+->@-~]*[!-"$-)+-.0->@-~]$/,
  adminPath: /^(?:\/[A-Za-z0-9._~-]+)+$/,
  target: /^\/[!-"$-~]*$/,
  id: /^[!-~]{1,128}$/,
  name: /^[A-Za-z0-9._-]+$/,
  identifier: /^[A-Za-z_$][A-Za-z0-9_$]*$/,
};

export const hostname = () => text(patterns.hostname, "a host name or an address to listen on");
export const hostField = () => text(patterns.hostField, '"upstream", "preserve" or a host name');
export const method = () => text(patterns.method, 'a method in capitals, such as "GET"');
export const pathPrefix = () => text(patterns.pathPrefix, 'a path that begins with "/" and does not end with it');
export const adminPath = () => text(patterns.adminPath, 'a path such as "/_roundabout", of letters, digits and "-._~"');
export const target = () => text(patterns.target, 'a path that begins with "/"');
export const binding = () => text(patterns.identifier, 'the name of a binding, such as "POOLS"');

export const pathPattern = () =>
  text(patterns.pathPattern, 'a path such as "/api/*", with "*" only as the whole last part');

export const hostPattern = () => text(patterns.hostPattern, 'a host name without a port, "*." and a host name, or "*"');

export const requestKey = () =>
  text(
    /^(?:ip|path|uri|(?:header|query|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+)$/,
    '"ip", "path", "uri", "header:NAME", "query:NAME" or "cookie:NAME"',
  );

export const serverName = () => text(patterns.serverName, "a host name");
export const sniName = () => text(patterns.sniName, 'a host name, or "*." and a host name');

/** A PEM text, or the path of a file with one; which files there are is the runtime's to say. */
export const pem = () => {
  const expected = "a path, or a PEM text";
  return v.pipe(v.string(expected), v.minLength(1, expected));
};

// A name that every object has would be found where nothing was put.
const isOwnName = (name: string) => !(name in {});

export const backendId = () => {
  const expected = "an id of at most 128 printable characters without spaces";
  return v.pipe(text(patterns.id, expected), v.check(isOwnName, "an id that is not a built-in name of JavaScript"));
};

export const poolName = () =>
  v.pipe(
    text(patterns.name, "a pool's name of letters, digits, dots, dashes and underscores"),
    v.check(isOwnName, "a pool's name that is not a built-in name of JavaScript"),
  );

/** An IPv4 or IPv6 address, or a network in CIDR notation. */
export function network() {
  const expected = 'an IP address or a network such as "10.0.0.0/8"';
  const isNetwork = (value: string) => {
    const [address = "", bits, ...more] = value.split("/");
    if (more.length > 0 || address.includes("%") || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
    // The networks of IPv4 addresses in IPv6 form would never match: clients' addresses are compared in IPv4 form.
    if (bits !== undefined && /^::ffff:/i.test(address)) return false;
    const length = Number(bits ?? 0);
    return v.IPV4_REGEX.test(address) ? length <= 32 : v.IPV6_REGEX.test(address) && length <= 128;
  };
  return v.pipe(v.string(expected), v.check(isNetwork, expected));
}

const perConnection = "a header that is not bound to one connection (RFC 9110 §7.6.1)";
const unsettable = new Map([
  ...["connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"].map((name) => [name, perConnection]),
  ["transfer-encoding", "a header that does not frame the message (RFC 9112 §6)"],
  ["content-length", "a header that does not frame the message (RFC 9112 §6)"],
] as [string, string][]);

export const matchedHeaders = () => fields(new Map());
export const probeHeaders = () => fields(unsettable);
export const responseHeaders = () => fields(unsettable);
export const requestHeaders = () =>
  fields(new Map([...unsettable, ["host", 'a header other than host, which the pool\'s "host" decides']]));

/** Header fields by name; the names come out in lower case. */
function fields(refused: ReadonlyMap<string, string>) {
  const refusal = (name: string) => refused.get(name.toLowerCase());
  return v.pipe(
    v.record(
      v.pipe(
        text(patterns.token, "a header's name (RFC 9110 §5.6.2)"),
        v.check((name) => refusal(name) === undefined, ({ input }) => refusal(input) ?? ""),
      ),
      text(patterns.fieldValue, "a header's value without line breaks and control characters, in Latin-1"),
      "an object of header names and values",
    ),
    v.check(
      (named) => new Set(Object.keys(named).map((name) => name.toLowerCase())).size === Object.keys(named).length,
      "every header once (their names do not differ by capitals)",
    ),
    v.transform((named): Record<string, string> =>
      Object.fromEntries(Object.entries(named).map(([name, value]) => [name.toLowerCase(), value]))
    ),
  );
}

/** `"200-299,304"` or a single number; comes out as ranges, both ends included. */
export function statuses() {
  const expected = 'statuses from 100 to 599, such as "200-299,304"';
  const parse = (value: string | number) =>
    String(value)
      .split(",")
      .map((range): readonly [from: number, to: number] => {
        const [from, to = from] = range.split("-").map(Number);
        return [from ?? NaN, to ?? NaN];
      });
  return v.pipe(
    v.union([
      v.pipe(v.string(expected), v.regex(/^\s*\d{3}(-\d{3})?(\s*,\s*\d{3}(-\d{3})?)*\s*$/, expected)),
      v.pipe(v.number(expected), v.integer(expected)),
    ], expected),
    v.check((value) => parse(value).every(([from, to]) => 100 <= from && from <= to && to <= 599), expected),
    v.transform(parse),
  );
}

/** A substring, or a regular expression between slashes. */
export const bodyPattern = () =>
  v.pipe(
    v.string("a text or a /regular expression/"),
    v.minLength(1, "a text or a /regular expression/"),
    v.check((value) => {
      if (value.length <= 2 || !value.startsWith("/") || !value.endsWith("/")) return true;
      try {
        return new RegExp(value.slice(1, -1)) instanceof RegExp;
      } catch {
        return false;
      }
    }, "a regular expression that compiles"),
  );
