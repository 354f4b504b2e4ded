import { join } from "node:path";
import { runInWorkerd } from "../../../src/cli/workerd/run.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };
const plan = { hostname: "127.0.0.1", port: 0, config: "{}", fromEnvironment: ["BACKEND"], keyValue: undefined };
const { port } = await runInWorkerd(join(import.meta.dirname, "worker.ts"), plan, silent);
console.log(`listening on http://127.0.0.1:${port}`);
