import { networkInterfaces } from "node:os";

/** Why there can be no test with `[::1]`; false where there can. */
export const noIpv6: string | false =
  Object.values(networkInterfaces()).flat().some((found) => found?.address === "::1")
    ? false
    : "this machine has no IPv6 loopback";
