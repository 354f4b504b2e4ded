/** As much of the compared libraries' types as their programs use: the types are checked without installing them. */

declare module "fastify" {
  interface Reply {
    from(source: undefined, options: { getUpstream(): string }): void;
  }
  type Done = (error: null, body: unknown) => void;
  interface Fastify {
    register(plugin: unknown, options: object): void;
    removeAllContentTypeParsers(): void;
    addContentTypeParser(
      type: string,
      parser: (request: unknown, body: unknown, done: Done) => void,
    ): void;
    all(path: string, handler: (request: unknown, reply: Reply) => void): void;
    listen(place: { port: number; host: string }): Promise<string>;
  }
  export default function fastify(options: object): Fastify;
}

declare module "@fastify/reply-from" {
  const plugin: unknown;
  export default plugin;
}

declare module "http-proxy-3" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  import type { Duplex } from "node:stream";
  interface Target {
    target: string;
  }
  interface Proxy {
    web(
      request: IncomingMessage,
      response: ServerResponse,
      options: Target,
    ): unknown;
    ws(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      options: Target,
    ): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
  }
  export function createProxyServer(options: object): Proxy;
}

declare module "httpxy" {
  import type { IncomingMessage, ServerResponse } from "node:http";
  import type { Duplex } from "node:stream";
  interface Target {
    target: string;
  }
  interface Proxy {
    web(
      request: IncomingMessage,
      response: ServerResponse,
      options: Target,
    ): unknown;
    ws(
      request: IncomingMessage,
      socket: Duplex,
      options: Target,
      head: Buffer,
    ): unknown;
    on(event: "error", listener: (error: Error) => void): unknown;
  }
  export function createProxyServer(options: object): Proxy;
}

declare module "undici" {
  interface Controller {
    readonly rawHeaders: readonly Buffer[];
  }
  interface Handler {
    onRequestStart(controller: Controller): void;
    onResponseStart(controller: Controller, status: number): void;
    onResponseData(controller: Controller, chunk: Uint8Array): void;
    onResponseEnd(controller: Controller): void;
    onResponseError(controller: Controller, error: Error): void;
  }
  export class Client {
    constructor(origin: string, options: object);
    dispatch(request: object, handler: Handler): boolean;
  }
}
