import { bracketed } from "../announce.ts";
import { secretBinding } from "./control-door.ts";

/** What workerd is to run, and how it is reached. */
export interface WorkerdPlan {
  /** Where requests come in. */
  readonly hostname: string;
  readonly port: number;
  /** The text bound as ROUNDABOUT_CONFIG. */
  readonly config: string;
  /** Names bound to what the environment has under them. */
  readonly fromEnvironment: readonly string[];
  /** Opens the control door. */
  readonly secret: string;
  /** `port` opens a door to the namespace on the loopback address, for tests. */
  readonly keyValue: { readonly binding: string; readonly port: number | undefined } | undefined;
}

/** By which names `workerd --control-fd` reports the ports. */
export const sockets = { requests: "requests", control: "control", keyValue: "key-value" } as const;

/** Names of the files, which lie beside each other: the last embeds the others. */
export const files = {
  balancer: "balancer.js",
  keyValue: "key-value.js",
  config: "config.json",
  workerd: "workerd.capnp",
} as const;

// Settings of wrangler.toml; the test compares them.
export const compatibility = {
  date: "2026-11-01",
  flags: ["enable_request_signal", "request_signal_passthrough"],
} as const;

// Cap'n Proto's strings have JSON's escapes for everything that a host or a binding may be called.
const quote = (text: string) => JSON.stringify(text);
const list = (entries: readonly string[]) => `[\n    ${entries.join(",\n    ")}\n  ]`;
const address = (hostname: string, port: number) => quote(`${bracketed(hostname)}:${port}`);

const worker = (name: string, module: string, bindings: readonly string[]) =>
  `(name = ${quote(name)}, worker = (
      modules = [(name = ${quote(module)}, esModule = embed ${quote(module)})],
      compatibilityDate = ${quote(compatibility.date)},
      compatibilityFlags = [${compatibility.flags.map(quote).join(", ")}],
      bindings = [${bindings.join(", ")}]))`;

const socket = (name: string, where: string, service: string) =>
  `(name = ${quote(name)}, address = ${where}, http = (), service = ${service})`;

/** The configuration of workerd in Cap'n Proto's text form. */
export function workerdConfig({ hostname, port, fromEnvironment, secret, keyValue }: WorkerdPlan): string {
  const bindings = [
    `(name = "ROUNDABOUT_CONFIG", text = embed ${quote(files.config)})`,
    `(name = "ROUNDABOUT_PORT", text = ${quote(String(port))})`,
    `(name = ${quote(secretBinding)}, text = ${quote(secret)})`,
    ...fromEnvironment.map((name) => `(name = ${quote(name)}, fromEnvironment = ${quote(name)})`),
  ];
  const services = [
    // Workers may reach public addresses only, unless they are told otherwise: backends are mostly private.
    `(name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true)))`,
  ];
  const doors = [
    socket(sockets.requests, address(hostname, port), quote("balancer")),
    socket(sockets.control, address("127.0.0.1", 0), `(name = "balancer", entrypoint = "control")`),
  ];
  if (keyValue) {
    bindings.push(`(name = ${quote(keyValue.binding)}, kvNamespace = "key-value")`);
    services.push(worker("key-value", files.keyValue, []));
    if (keyValue.port !== undefined) {
      doors.push(socket(sockets.keyValue, address("127.0.0.1", keyValue.port), quote("key-value")));
    }
  }
  services.push(worker("balancer", files.balancer, bindings));
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = ${list(services)},
  sockets = ${list(doors)}
);
`;
}
