import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What every nginx here begins with: where it keeps its files, and that it serves one core. */
export function nginxMain(folder: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  // Started by root it would serve as somebody else, who may not read these folders.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `daemon off;
${user}
pid ${folder}/nginx.pid;
error_log stderr error;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  ${
    temporary.map((name) => `${name}_temp_path ${folder}/${name}_temp;`).join(
      "\n  ",
    )
  }
`;
}

export const nginxCommand = (
  folder: string,
  file: string,
) => ["nginx", "-p", folder, "-e", "stderr", "-c", file];

/** The command of three very fast backends: 1 KiB from memory whatever is asked for, but for the paths of the long answers. */
export function nginxBackends(
  folder: string,
  ports: readonly number[],
  manyAt: readonly string[],
): readonly string[] {
  const answers = join(folder, "answers");
  mkdirSync(answers, { recursive: true });
  for (const [name, bytes] of Object.entries(longAnswers)) {
    writeFileSync(join(answers, name), "x".repeat(bytes));
  }
  const listen = [...ports.map((port) => `127.0.0.1:${port}`), ...manyAt].map((
    place,
  ) => `listen ${place};`);
  const file = join(folder, "nginx.conf");
  writeFileSync(
    file,
    `${nginxMain(folder)}
  sendfile on;
  tcp_nopush on;
  open_file_cache max=10;
  client_max_body_size 1g;
  server {
    ${listen.join("\n    ")}
    root ${answers};
    default_type text/plain;
    location / { return 200 "${"x".repeat(shortAnswer)}"; }
    ${
      Object.keys(longAnswers).map((name) => `location = /${name} { }`).join(
        "\n    ",
      )
    }
  }
}
`,
  );
  return nginxCommand(folder, file);
}

export const shortAnswer = 1024;
export const longAnswers = {
  "100k": 100 * 1024,
  "10m": 10 * 1024 * 1024,
} as const;
