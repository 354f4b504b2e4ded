/**
 * A KV namespace in memory, behind the requests that workerd makes of a KV binding; runs in workerd.
 *
 * It forgets everything when it ends and shows a write at once, where Cloudflare's takes a minute to spread.
 */
const values = new Map<string, ArrayBuffer>();

export default {
  async fetch(request: Request): Promise<Response> {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const value = values.get(key);
    switch (request.method) {
      case "GET":
        return value === undefined ? new Response(null, { status: 404 }) : new Response(value);
      case "PUT":
        values.set(key, await request.arrayBuffer());
        return new Response(null, { status: 204 });
      case "DELETE":
        values.delete(key);
        return new Response(null, { status: 204 });
      default:
        return new Response(null, { status: 405 });
    }
  },
};
