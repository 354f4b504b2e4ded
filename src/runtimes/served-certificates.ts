import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext, type TlsOptions } from "node:tls";
import type { ListenerConfig } from "../core/config.ts";
import type { Clock, Log } from "../core/ports.ts";
import { faultOfPair, isPem, type Pair } from "./certificates.ts";

type ListenTls = NonNullable<ListenerConfig["tls"]>;

/** How often the files are looked at. Watching would miss a folder of symbolic links that is changed as a whole. */
const lookMs = 2_000;

/** The certificates that one listener shows. */
export interface ServedCertificates {
  /** What a server of node:tls or node:http2 is made with. */
  readonly options: Pair & Required<Pick<TlsOptions, "SNICallback">>;
  /** What is shown to who asks for no name, or for one that is not listed. */
  context(): SecureContext;
  /** Looks for changes until `signal` aborts, and puts them in force; `onFallback` is given the pair for who asks for no name. */
  follow(log: Log, clock: Clock, onFallback: (pair: Pair) => void, signal: AbortSignal): Promise<void>;
}

/** One certificate: where it comes from, and as it is now. */
interface Served {
  /** Whom it is for, in words. */
  readonly name: string;
  readonly source: Pair;
  pair: Pair;
  context: SecureContext;
  /** What was seen last and could not be used. */
  unusable?: { readonly pair: Pair; told: boolean } | undefined;
}

/** Reads a listener's certificates, which `withCertificates` has found good. */
export function serveCertificates(tls: ListenTls): ServedCertificates {
  const fallback = open("all other names", tls);
  const named = new Map(tls.sni.map(({ name, ...source }) => [name.toLowerCase(), open(name, source)]));

  function contextFor(name: string): SecureContext {
    const asked = name.toLowerCase();
    let found = named.get(asked);
    for (let dot = asked.indexOf("."); found === undefined && dot > 0; dot = asked.indexOf(".", dot + 1)) {
      found = named.get(`*${asked.slice(dot)}`);
    }
    return (found ?? fallback).context;
  }

  return {
    options: { ...fallback.pair, SNICallback: (name, answer) => answer(null, contextFor(name)) },
    context: () => fallback.context,
    async follow(log, clock, onFallback, signal) {
      const files = [fallback, ...named.values()].filter(({ source }) => !isPem(source.cert) || !isPem(source.key));
      while (files.length > 0 && !signal.aborted) {
        await clock.sleep(lookMs, signal);
        const changed: Served[] = [];
        for (const served of files) if (!signal.aborted && (await renew(served, log))) changed.push(served);
        if (changed.length === 0) continue;
        onFallback(fallback.pair);
        log.info(`new certificates are in force for ${changed.map(({ name }) => name).join(", ")}`);
      }
    },
  };
}

function open(name: string, { cert, key }: Pair): Served {
  const source = { cert, key };
  const text = (value: string) => (isPem(value) ? value : readFileSync(value, "utf8"));
  const pair = { cert: text(cert), key: text(key) };
  return { name, source, pair, context: createSecureContext(pair) };
}

/** Takes over what the files hold now, if that is new and can be used; gives back whether it was. */
async function renew(served: Served, log: Log): Promise<boolean> {
  const { source, pair: before, unusable } = served;
  let fault: string | undefined;
  let pair = before;
  try {
    pair = { cert: await textOf(source.cert), key: await textOf(source.key) };
    if (isSame(pair, before)) {
      served.unusable = undefined;
      return false;
    }
    fault = faultOfPair(pair);
    if (fault === undefined) served.context = createSecureContext(pair);
  } catch (error) {
    fault = String(error);
  }
  if (fault === undefined) {
    served.pair = pair;
    served.unusable = undefined;
    return true;
  }
  // The two files are seldom written at once: what is still so at the next look is worth a word.
  if (unusable === undefined || !isSame(unusable.pair, pair)) served.unusable = { pair, told: false };
  else if (!unusable.told) {
    unusable.told = true;
    log.warn(`the new certificate for ${served.name} cannot be used, the one before stays: ${fault}`);
  }
  return false;
}

const textOf = (value: string) => (isPem(value) ? value : readFile(value, "utf8"));

const isSame = (one: Pair, other: Pair) => one.cert === other.cert && one.key === other.key;
