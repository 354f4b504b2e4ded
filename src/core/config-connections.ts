import * as v from "valibot";
import * as values from "./config-values.ts";
import { wholeNumber } from "./units.ts";
import { option, section } from "./validate.ts";

const certificate = {
  cert: v.pipe(
    values.pem(),
    v.description("A certificate with those between it and its CA: PEM, or the path of a file."),
  ),
  key: v.pipe(values.pem(), v.description("Its private key, not encrypted: PEM, or the path of a file.")),
};

/** Certificates to show to clients. */
const ListenTls = section({
  ...certificate,
  sni: option(
    v.pipe(
      v.array(
        section({
          name: v.pipe(
            values.sniName(),
            v.description("The name asked for; *.example.com is one or more labels in front."),
          ),
          ...certificate,
        }),
        "a list of names with their certificates",
      ),
      v.check(
        (list) => new Set(list.map(({ name }) => name.toLowerCase())).size === list.length,
        "every name once (names do not differ by capitals)",
      ),
    ),
    [],
    "Certificates for the names that clients ask for; any other name gets the certificate above.",
  ),
});

const Listener = section({
  port: option(wholeNumber(0, 65535), 8080, "0 picks a free one."),
  hostname: option(values.hostname(), "0.0.0.0", "The address to listen on."),
  tls: option(
    ListenTls,
    undefined,
    "Speaks https, HTTP/2 among it. The files are followed: a new certificate needs no restart.",
  ),
  redirect: option(
    values.oneOf(["https"]),
    undefined,
    "Forwards nothing: sends everybody to the same URL at the first listener with tls.",
  ),
}, "an object, or a list of objects");

type ListenerConfig = v.InferOutput<typeof Listener>;
type Listeners = readonly [ListenerConfig, ...ListenerConfig[]];

/** Where requests come in: one listener, or several. */
export const Listen = v.pipe(
  v.union(
    [Listener, v.pipe(v.array(Listener, "a list of listeners"), v.minLength(1, "at least one listener"))],
    "an object, or a list of objects",
  ),
  v.transform((listen): Listeners => Array.isArray(listen) ? (listen as unknown as Listeners) : [listen]),
);

/** How secure connections to backends are made otherwise than usual. */
export const PoolTls = section({
  ca: option(
    values.pem(),
    undefined,
    "Who may have signed the backends' certificates, in the place of the system's CAs: PEM or a path.",
  ),
  cert: option(values.pem(), undefined, "Shown to backends that ask for a client certificate: PEM or a path."),
  key: option(values.pem(), undefined, "The private key of cert: PEM or a path."),
  serverName: option(
    values.serverName(),
    undefined,
    "The name to ask for and to find in the certificate; the backend's own by default.",
  ),
  insecureSkipVerify: option(
    v.boolean("true or false"),
    false,
    "Takes any certificate: whoever stands between can read and change everything.",
  ),
});
