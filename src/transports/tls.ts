import { isIP } from "node:net";
import { type ConnectionOptions, createSecureContext, type SecureContext } from "node:tls";
import type { Address } from "../core/address.ts";
import type { BackendTls } from "../core/ports.ts";

// Certificates are parsed once a pool, not once a connection.
const contexts = new WeakMap<BackendTls, SecureContext>();

/**
 * What `tls.connect` is given for a connection to a backend, beside its port or its socket.
 *
 * The name to ask for is the backend's own, whatever the Host field says.
 *
 * @param alpn protocols to offer, the most wanted first
 */
export function tlsOptions(address: Address, tls: BackendTls | undefined, alpn: readonly string[]): ConnectionOptions {
  // SNI has no place for an IP address (RFC 6066 §3); the certificate is then compared with the host.
  const name = tls?.serverName ?? (isIP(address.hostname) === 0 ? address.hostname : undefined);
  return {
    host: address.hostname,
    ALPNProtocols: [...alpn],
    ...(name !== undefined && { servername: name }),
    ...(tls !== undefined && { secureContext: contextOf(tls), rejectUnauthorized: !tls.insecureSkipVerify }),
  };
}

function contextOf(tls: BackendTls): SecureContext {
  let context = contexts.get(tls);
  if (context === undefined) {
    const { ca, cert, key } = tls;
    context = createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    });
    contexts.set(tls, context);
  }
  return context;
}
