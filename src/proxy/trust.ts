import ipaddr from "ipaddr.js";
import type { Client, Fields } from "../core/ports.ts";
import type { Steered } from "../core/steering.ts";
import type { Sender } from "./headers.ts";

/** Whether an address belongs to a proxy whose forwarding fields are believed. Answers are remembered: peers are few. */
export function createTrust(ranges: readonly string[]): (address: string | undefined) => boolean {
  if (ranges.length === 0) return () => false;
  const networks = ranges.map((range) => (range.includes("/") ? ipaddr.parseCIDR(range) : hostRange(range)));
  const answers = new Map<string, boolean>();
  return (address) => {
    if (address === undefined) return false;
    const before = answers.get(address);
    if (before !== undefined) return before;
    const answer = ipaddr.isValid(address) && isWithin(ipaddr.process(address), networks);
    if (answers.size >= 10_000) answers.clear();
    answers.set(address, answer);
    return answer;
  };
}

/**
 * The client's own address: of those that its peer, a trusted proxy, passes on, the last that is no trusted proxy's itself.
 *
 * What stands before that one anybody may have written.
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | null,
  isTrusted: (address: string | undefined) => boolean,
): string | undefined {
  if (forwardedFor === null) return peer;
  const hops = forwardedFor.split(",").map((hop) => hop.trim()).filter((hop) => hop !== "");
  return hops.findLast((hop) => !isTrusted(hop)) ?? hops[0] ?? peer;
}

/** Whether a client came by https: to us, or to the trusted proxy in front. */
export const cameByHttps = ({ trusted, proto }: Sender, headers: Fields): boolean =>
  ((trusted && headers.get("x-forwarded-proto")?.split(",")[0]?.trim().toLowerCase()) || proto) === "https";

/** A client's place, as the platform or a trusted proxy says. */
export const placeOf = ({ place }: Client, headers: Fields, trusted: boolean): Steered["place"] => (by, header) =>
  place?.[by] ?? (trusted && header !== undefined ? headers.get(header) ?? undefined : undefined);

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

function hostRange(address: string): Network {
  const host = ipaddr.process(address);
  return [host, host.kind() === "ipv4" ? 32 : 128];
}

function isWithin(address: ipaddr.IPv4 | ipaddr.IPv6, networks: readonly Network[]): boolean {
  return networks.some(([network, bits]) => network.kind() === address.kind() && address.match(network, bits));
}
