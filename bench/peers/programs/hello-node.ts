import { createServer } from "node:http";
import { body } from "./hello.ts";
import { port } from "./settings.ts";

createServer((_request, response) => {
  response.writeHead(200, ["content-length", String(body.byteLength)]);
  response.end(body);
}).listen(port, "127.0.0.1");
