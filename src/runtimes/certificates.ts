import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Config } from "../core/config.ts";
import { ConfigError, type Path, type Problem, show } from "../core/problems.ts";

/** A certificate, with those between it and its CA, and its key: PEM texts. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A value that is a PEM stands for itself; any other is the path of a file with one. */
export const isPem = (value: string): boolean => value.includes("-----BEGIN");

/**
 * Puts the certificates of the pools in the place of the paths to them, and looks at those of the listeners, which stay
 * paths because they are followed.
 *
 * @param raw the configuration as it was written, where the problems have to be shown
 * @throws {ConfigError} with every file that is missing or not what it should be
 */
export function withCertificates(config: Config, raw: unknown): Config {
  const problems: Problem[] = [];
  const isList = Array.isArray((raw as { listen?: unknown } | undefined)?.listen);
  for (const [index, { tls }] of config.listen.entries()) {
    if (tls === undefined) continue;
    const path: Path = ["listen", ...(isList ? [index] : []), "tls"];
    readPair(tls, path, problems);
    for (const [place, named] of tls.sni.entries()) readPair(named, [...path, "sni", place], problems);
  }
  const pools = Object.entries(config.pools).map(([name, pool]) => {
    if (pool.tls === undefined) return [name, pool] as const;
    const path: Path = ["pools", name, "tls"];
    const { ca, cert, key, ...rest } = pool.tls;
    const authority = ca === undefined ? {} : { ca: readOne(ca, [...path, "ca"], certificateFault, problems) };
    const pair = cert === undefined || key === undefined ? {} : readPair({ cert, key }, path, problems);
    return [name, { ...pool, tls: { ...rest, ...authority, ...pair } }] as const;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return { ...config, pools: Object.fromEntries(pools) };
}

function readPair({ cert, key }: Pair, path: Path, problems: Problem[]): Pair {
  const before = problems.length;
  const pair = {
    cert: readOne(cert, [...path, "cert"], certificateFault, problems),
    key: readOne(key, [...path, "key"], keyFault, problems),
  };
  if (problems.length === before && !belong(pair)) {
    problems.push({ path: [...path, "key"], expected: "the private key of the certificate", found: "another one" });
  }
  return pair;
}

function readOne(
  value: string,
  path: Path,
  faultOf: (text: string) => Fault | undefined,
  problems: Problem[],
): string {
  let text = value;
  let fault: Fault | undefined;
  try {
    if (!isPem(value)) text = readFileSync(value, "utf8");
    fault = faultOf(text);
  } catch (error) {
    fault = { expected: "a file in PEM", found: wordsFor(error) };
  }
  if (fault !== undefined) {
    const found = isPem(value) ? fault.found : `${show(value)}: ${fault.found}`;
    problems.push({ path, expected: fault.expected, found });
  }
  return text;
}

function wordsFor(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = { ENOENT: "no such file", EISDIR: "a directory", EACCES: "a file that may not be read" }[code];
  return words ?? String(error);
}

/** Why these cannot be shown to clients; `undefined` if they can. */
export function faultOfPair(pair: Pair): string | undefined {
  const fault = certificateFault(pair.cert) ?? keyFault(pair.key);
  if (fault !== undefined) return `expected ${fault.expected}, found ${fault.found}`;
  return belong(pair) ? undefined : "the key is not that of the certificate";
}

interface Fault {
  readonly expected: string;
  readonly found: string;
}

function certificateFault(text: string): Fault | undefined {
  const expected = "a certificate in PEM";
  const begun = text.split("-----BEGIN CERTIFICATE-----").length - 1;
  if (begun === 0) return { expected, found: "no certificate" };
  const whole = text.match(/-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g) ?? [];
  const isGood = whole.length === begun && whole.every((block) => isReadable(() => new X509Certificate(block)));
  return isGood ? undefined : { expected, found: "one that cannot be read" };
}

function keyFault(text: string): Fault | undefined {
  const expected = "a private key in PEM, not encrypted";
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return { expected, found: "no private key" };
  if (/ENCRYPTED/.test(text)) return { expected, found: "an encrypted one" };
  return isReadable(() => createPrivateKey(text)) ? undefined : { expected, found: "one that cannot be read" };
}

function isReadable(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}

const belong = ({ cert, key }: Pair) => new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
