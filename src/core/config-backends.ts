import * as v from "valibot";
import { backendId, oneOf } from "./config-values.ts";
import type { Backend } from "./pool.ts";
import { number, wholeNumber } from "./units.ts";
import { option, section } from "./validate.ts";

const anUrl = 'an http or https URL such as "http://127.0.0.1:8081"';
const aSocket = 'a Unix socket such as "unix:/run/app.sock", or with a base path "unix:/run/app.sock:/base"';

const Url = v.pipe(
  v.string(anUrl),
  v.description("http or https, with an optional base path; no credentials, query or fragment. Or unix:/path/to.sock."),
  v.check((text) => betterUrl(text) === undefined, ({ input }) => betterUrl(input) ?? anUrl),
  v.transform((text) => {
    if (isSocket(text)) return text.replace(/\/+$/, "");
    const { origin, pathname } = new URL(text);
    return origin + pathname.replace(/\/+$/, "");
  }),
);

const isSocket = (url: string) => url.startsWith("unix:");

/** What should stand instead of this URL; `undefined`: it can stay. */
function betterUrl(text: string): string | undefined {
  if (/^(https?\+)?unix:/i.test(text)) {
    return /^unix:\/[!-9;-~]+(?::\/[!-"$-9;->@-~]*)?$/.test(text) ? undefined : aSocket;
  }
  // The URL parser would mend what these refuse: missing slashes, backslashes, spaces, line breaks.
  if (!/^https?:\/\/[^/]/i.test(text) || /[\s\\\p{Cc}]/u.test(text) || !URL.canParse(text)) return anUrl;
  if (/^https?:\/\/[^/?#]*@/i.test(text)) return "a URL without a user name and a password";
  if (/[?#]/.test(text)) return "a URL without a query and a fragment";
  return new URL(text).port === "0" ? "a URL with a port from 1 to 65535" : undefined;
}

const expected = `${anUrl}, or an object with one`;

const Long = section({
  url: Url,
  id: option(
    backendId(),
    undefined,
    "Its name in logs and stores; the URL's host and port by default, with the path if two share them.",
  ),
  weight: option(number(0, 1000), 1, "How much it gets beside the others; 0 takes new requests away."),
  priority: option(wholeNumber(0), 0, "The lowest number with an eligible backend serves; the others wait."),
  maxRequests: option(wholeNumber(0), 0, "Most requests in flight; 0 is no limit."),
  state: option(
    oneOf(["active", "drain", "maintenance"]),
    "active",
    "drain keeps what it has and gets nothing new; maintenance gets nothing and is not probed.",
  ),
}, expected);

const Short = v.pipe(Url, v.transform((url) => v.parse(Long, { url })));

type Draft = v.InferOutput<typeof Long>;

/** The backends of a pool, as in a file, in the admin API and in a store; comes out with an id for each. */
export const Backends = v.pipe(
  v.array(v.union([Short, Long], expected), "a list of backends"),
  v.description("Where requests go, at least one; a URL is short for an object with it."),
  v.minLength(1, "at least one backend"),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!Array.isArray(dataset.value)) return;
    const list: readonly Draft[] = dataset.value;
    const failed = new Set(dataset.issues?.map(({ path }) => path?.[0].key));
    const ids = idsOf(list.map((draft, index) => (failed.has(index) ? undefined : draft)));
    const first = new Map<string, number>();
    for (const [index, id] of ids.entries()) {
      if (id === undefined) continue;
      const message = first.has(id) ? `an id other than "${id}", which backends[${first.get(id)}] has` : unfit(id);
      const path = [{ type: "array", origin: "value", input: [...list], key: index, value: list[index] }] as const;
      if (message !== undefined) addIssue({ path: [...path], message });
      else first.set(id, index);
    }
  }),
  v.transform((list): readonly Backend[] => {
    const ids = idsOf(list);
    return list.map((draft, index) => ({ ...draft, id: ids[index] ?? "" }));
  }),
);

const unfit = (id: string) => (v.is(backendId(), id) ? undefined : 'an "id", because the URL is too long to be one');

/** The id of each; what is `undefined` goes in and comes out. */
function idsOf(list: readonly (Draft | undefined)[]): readonly (string | undefined)[] {
  const places = list.map((draft) => (draft !== undefined && draft.id === undefined ? placeOf(draft.url) : undefined));
  const sharing = new Map<string, number>();
  for (const place of places) if (place !== undefined) sharing.set(place.host, (sharing.get(place.host) ?? 0) + 1);
  return list.map((draft, index) => {
    const place = places[index];
    if (place === undefined) return draft?.id;
    return sharing.get(place.host) === 1 ? place.host : place.host + place.path;
  });
}

function placeOf(url: string): { readonly host: string; readonly path: string } {
  if (isSocket(url)) {
    const [, socket = "", path = ""] = url.split(":");
    return { host: socket, path };
  }
  const { host, pathname } = new URL(url);
  return { host, path: pathname.replace(/\/+$/, "") };
}
