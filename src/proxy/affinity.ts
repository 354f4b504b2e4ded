import type { PoolConfig } from "../core/config.ts";
import { cookieOf, type Keyed, keyOf } from "../core/keys.ts";
import type { Backend } from "../core/pool.ts";
import { hashOf } from "../core/rendezvous.ts";

type SessionAffinity = NonNullable<PoolConfig["sessionAffinity"]>;

/** A request's session, and what is to be remembered of it. */
export interface Session {
  /** The id of its backend; `undefined`: it is new. */
  readonly backend: string | undefined;
  /** Whether it waits for that backend rather than going elsewhere. */
  readonly bound: boolean;
  /** The Set-Cookie field for the answer of this backend; `undefined`: nothing has to be said. */
  settled(id: string, secure: boolean): string | undefined;
}

/** Keeps the requests of one client with one backend. */
export interface Affinity {
  /** @param backends those that a session may belong to */
  find(asked: Keyed, backends: readonly Backend[]): Promise<Session> | Session;
}

export function createAffinity(affinity: SessionAffinity): Affinity {
  return affinity.type === "cookie" ? byCookie(affinity) : byKey(affinity);
}

/**
 * Sessions by a cookie that names no address and that nobody else can make: an HMAC of the backend's id.
 *
 * @see RFC 2104 for HMAC, RFC 6265 §4.1 for the attributes
 */
function byCookie({ cookie, ttl, secret = "", failover }: SessionAffinity): Affinity {
  const tokens = new Map<string, string>();
  const encoder = new TextEncoder();
  const age = ttl === "session" ? "" : `; Max-Age=${Math.ceil(ttl / 1000)}`;
  let key: ReturnType<typeof crypto.subtle.importKey> | undefined;

  async function sign(id: string): Promise<void> {
    key ??= crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const mac = await crypto.subtle.sign("HMAC", await key, encoder.encode(id));
    tokens.set(
      id,
      btoa(String.fromCharCode(...new Uint8Array(mac))).replace(/\+/g, "-").replace(/\//g, "_").replace("=", ""),
    );
  }

  /** Backends come and go for as long as the process runs. */
  function forgetOthers(backends: readonly Backend[]): void {
    const ids = new Set(backends.map(({ id }) => id));
    for (const id of tokens.keys()) if (!ids.has(id)) tokens.delete(id);
  }

  function session(asked: Keyed, backends: readonly Backend[]): Session {
    const value = cookieOf(asked.headers, cookie) ?? "";
    // All are compared, and each to its end, so that the time tells nothing of how near a guess has come.
    let known: string | undefined;
    for (const { id } of backends) {
      const token = tokens.get(id);
      if (token !== undefined && isSame(token, value)) known = id;
    }
    return {
      backend: known,
      bound: failover === "none",
      settled(id, secure) {
        const token = tokens.get(id); // none for a backend that has come since
        if (token === undefined || id === known || (known !== undefined && failover === "temporary")) return undefined;
        return `${cookie}=${token}; Path=/${age}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
      },
    };
  }

  return {
    find(asked, backends) {
      const unsigned = backends.filter(({ id }) => !tokens.has(id));
      if (unsigned.length === 0) return session(asked, backends);
      forgetOthers(backends);
      return Promise.all(unsigned.map(({ id }) => sign(id))).then(() => session(asked, backends));
    },
  };
}

function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let index = 0; index < one.length; index++) difference |= one.charCodeAt(index) ^ other.charCodeAt(index);
  return difference === 0;
}

/** So many sessions are remembered in a process; whoever is forgotten is found again by its hash. */
const remembered = 10_000;

/** A client may send any field: not all of it is kept. */
const short = (key: string) => (key.length <= 128 ? key : `${key.slice(0, 128)} ${key.length} ${hashOf(key)}`);

/** Sessions by address or field. New ones are placed by their hash, so that all processes agree. */
function byKey({ type, failover }: SessionAffinity): Affinity {
  const key = keyOf(type);
  const sessions = new Map<string, string>();
  return {
    find(asked, backends) {
      const name = short(key(asked));
      const last = sessions.get(name);
      const known = backends.some(({ id }) => id === last) ? last : undefined;
      return {
        backend: known,
        bound: failover === "none",
        settled(id) {
          const kept = known !== undefined && failover === "temporary" ? known : id;
          sessions.delete(name); // the order of the map is that of the last use
          sessions.set(name, kept);
          if (sessions.size > remembered) sessions.delete(sessions.keys().next().value!);
          return undefined;
        },
      };
    },
  };
}
