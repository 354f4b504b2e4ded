declare module "cloudflare:sockets" {
  export function connect(
    address: { hostname: string; port: number },
  ): { readonly opened: Promise<unknown>; close(): Promise<void> };
}
