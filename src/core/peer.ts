import type { PoolConfig } from "./config.ts";
import type { Peer } from "./ports.ts";

/** How the backends of a pool are spoken to; made once a pool. */
export const peerOf = ({ protocol, tls }: Pick<PoolConfig, "protocol" | "tls">): Peer => ({ protocol, tls });
