import { join } from "node:path";
import { runToEnd, temporaryFolder } from "../processes.ts";
import type { Peer } from "./peer.ts";
import { settings } from "./settings.ts";
import { versionIn, versionOf } from "./versions.ts";

const title = "Go's httputil.ReverseProxy";

/** As it comes, which keeps two connections to each backend; and with as many as it needs. */
export const go: readonly Peer[] = [
  reverseProxy("go", title, {}),
  reverseProxy("go-tuned", `${title}, MaxIdleConnsPerHost 1024`, {
    BENCH_MAX_IDLE_CONNS_PER_HOST: "1024",
  }),
];

let built: Promise<string> | undefined;

/** The program, made once for both. */
function build(): Promise<string> {
  return (built ??= (async () => {
    const file = join(temporaryFolder(), "reverse-proxy");
    const env = {
      GOFLAGS: "",
      GOTOOLCHAIN: "local",
      GOWORK: "off",
      CGO_ENABLED: "0",
    };
    await runToEnd(["go", "build", "-o", file, "main.go"], {
      cwd: join(import.meta.dirname, "go"),
      env,
    });
    return file;
  })());
}

function reverseProxy(
  name: string,
  title: string,
  env: NodeJS.ProcessEnv,
): Peer {
  let program = "";
  return {
    name,
    title,
    isOurs: false,
    async version() {
      const version = versionIn(await versionOf(["go", "version"]));
      program = await build();
      return version;
    },
    lacks: () => undefined,
    start: (plan) => ({
      command: [program],
      env: { ...settings(plan), ...env },
    }),
  };
}
