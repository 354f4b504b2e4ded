import { createProxyServer } from "httpxy";
import { options, serveProxy } from "./serve-proxy.ts";

const proxy = createProxyServer(options);
serveProxy(
  proxy,
  (request, socket, head, target) => proxy.ws(request, socket, { target }, head),
);
