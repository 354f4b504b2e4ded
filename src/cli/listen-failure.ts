import type { ListenerConfig } from "../core/config.ts";
import { StartError } from "./command.ts";

type Place = Pick<ListenerConfig, "hostname" | "port">;

/** Why a port cannot be listened on, said for people. */
export function listenFailure(cause: unknown, place: Place): StartError {
  return new StartError(reason(cause, place), { cause });
}

/** Node and Bun put a code on the error, Deno a name. */
function reason(error: unknown, { hostname, port }: Place): string {
  const { code, name } = error as { code?: string; name?: string };
  const place = `port ${port} on ${hostname}`;
  if (code === "EADDRINUSE" || name === "AddrInUse") return `${place} is taken by another process`;
  if (code === "EACCES" || name === "PermissionDenied") return `${place} may not be listened on by this user`;
  if (code === "EADDRNOTAVAIL" || name === "AddrNotAvailable") {
    return `${hostname} is no address of this machine; see listen.hostname`;
  }
  return `cannot listen on ${place}: ${error instanceof Error ? error.message : String(error)}`;
}
