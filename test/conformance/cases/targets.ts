import assert from "node:assert/strict";
import type { CaseContext, ConformanceCase, StagePlan } from "../case.ts";
import { plain } from "../stages.ts";

/** Targets as bytes, one a character. */
const slashes = [
  "//x",
  "//x/y?z",
  "/x/",
  "/x//",
  "/.x",
  "/x..",
  "/...",
  "/..;/x",
  "/x;/y",
  "/a/..b/..;c",
  "/~x",
  "/*",
  "/:80",
  "/@x",
];
const encodings = [
  "/%41",
  "/%7ex",
  "/%c3%A9",
  "/%",
  "/%2",
  "/%25%2541",
  "/%2F%2f",
  "/x%5Cy",
  "/x%3Fy%23z",
  "/a?%=%zz",
  "/%2e%2",
  "/%ff",
];
const marks = [
  "/a|b",
  "/a[b]",
  "/a?a|b",
  "/a?[b]=c",
  "/(a),b;c=d!e$f",
  "/'a'",
  "/a?b=\\c",
  "/a?a?b/../c",
  "/a?x=/../y//",
  "/?",
  "/a?&&==",
  "/a:b@c+d",
];
const unfit = ['/a"b', '/a?"b"', "/a<b>", "/a?<b>", "/a^b", "/a?a^b", "/a`b", "/a{b}", "/a?{b}`", "/a?'b'"];
const utf8 = ["/caf\u00c3\u00a9", "/a?q=\u00c3\u00a9"];
const noUtf8 = ["/caf\u00e9", "/\u00ff?\u00e9", "/\u00c3"];

/** What a URL says in another way: what came, and the one form in which it goes on. */
const unresolved: readonly (readonly [sent: string, received: string])[] = [
  ["/x/../y", "/y"],
  ["/x/./y", "/x/y"],
  ["/x/%2e%2e/y", "/y"],
  ["/x/.%2E/y?z", "/y?z"],
  ["/x/%2e", "/x/"],
  ["/x//../y", "/x/y"],
  ["/x/..", "/"],
  ["/..", "/"],
  ["/../../etc/passwd", "/etc/passwd"],
  ["/x/../%41%2f?a=../b", "/%41%2f?a=../b"],
  ["/a\\b", "/a/b"],
  ["/x\\..\\y", "/y"],
  ["/a?x#y", "/a?x"],
  ["/a#/../y", "/a"],
];

/** Sends a request line that no client of ours would build; gives back the answer's status. */
async function ask(context: CaseContext, port: number, target: string): Promise<number> {
  const client = await context.connect(port);
  await client.send(
    Buffer.from(`GET ${target} HTTP/1.1\r\nHost: balancer.test\r\nConnection: close\r\n\r\n`, "latin1"),
  );
  return (await client.response()).status;
}

/** What the backend was asked for; `undefined` where the request was refused. */
async function received(context: CaseContext, target: string): Promise<string | undefined> {
  const { port, backends } = await context.stage(plain);
  const status = await ask(context, port, target);
  const { arrivals } = backends.main;
  if (status === 200) {
    assert.equal(arrivals.length, 1);
    return arrivals[0]!.target;
  }
  assert.equal(status, 400, `${target} is refused`);
  assert.equal(arrivals.length, 0, `${target} reaches nobody`);
  return undefined;
}

const exact = (what: string, targets: readonly string[], gaps: ConformanceCase["gaps"] = {}): ConformanceCase => ({
  name: `targets: ${what}`,
  gaps,
  async run(context) {
    for (const target of targets) assert.equal(await received(context, target), target);
  },
});

/** A path that is guarded by a route of its own. */
const guarded: StagePlan<"admin" | "site"> = {
  backends: ["admin", "site"],
  config: ({ admin, site }) => ({
    listen: { port: 0, hostname: "127.0.0.1" },
    pools: { admin: { backends: [admin], healthCheck: false }, site: { backends: [site], healthCheck: false } },
    routes: [{ match: { path: "/admin/*" }, pool: "admin" }, { pool: "site" }],
  }),
};

const detours = `
  /admin /admin/ /admin/x /admin?x /admin/../admin /admin/x/../y /admin#x /admin?/../x
  /x/../admin /x/%2e%2e/admin/x /x/%2E./admin /x/.%2e/admin/ /./admin /%2e/admin /../admin
  /x/..\\admin /\\admin /admin\\x /x/..\\..\\admin /x;/../admin /..//admin //../admin
  /admin/../x /admin/%2e%2e/x /admin/.. /admin%2fx /admin%5cx /admin;x /adminx /admin. /x/admin
  //admin ///admin/x //x/../admin /x/..//admin /ADMIN /%61dmin /admin%00 http://other.test/admin
  http://other.test/x/../admin http://other.test /x/..%2fadmin /x%2f..%2fadmin
`.trim().split(/\s+/);

const pathOf = (target: string) => target.replace(/[?#].*$/s, "");

/** Whether a target as it stands, or with its dots resolved as RFC 3986 §5.2.4 says, lies at or below `/admin`. */
function isAdmin(target: string): boolean {
  const segments: string[] = [];
  for (const segment of pathOf(target).split("/").slice(1)) {
    const plain = segment.replaceAll(/%2e/gi, ".");
    if (plain === "..") segments.pop();
    else if (plain !== ".") segments.push(segment);
  }
  return segments[0] === "admin";
}

export const targetCases: readonly ConformanceCase[] = [
  exact("slashes and dots that climb nowhere arrive byte for byte", slashes),
  exact("percent-encodings arrive as they came, also broken ones", encodings),
  exact("marks that a URL may hold arrive byte for byte", marks),
  exact("marks that no URL may hold (quotes, ^, <, >, {, }, a backtick) arrive byte for byte", unfit, {
    workers: "workerd percent-encodes some of them and refuses a target with the others with 400",
  }),
  exact("bytes beyond ASCII arrive byte for byte where they are UTF-8", utf8, {
    workers: "workerd percent-encodes them",
  }),
  {
    name: "targets: bytes that are not UTF-8 are refused or arrive byte for byte",
    async run(context) {
      for (const target of noUtf8) assert.ok([target, undefined].includes(await received(context, target)), target);
    },
  },
  {
    name: "targets: what does not arrive byte for byte arrives percent-encoded or is refused",
    async run(context) {
      for (const target of [...unfit, ...utf8]) {
        const arrived = await received(context, target);
        if (arrived === undefined) continue;
        const decoded = arrived.replaceAll(
          /%[0-9A-F]{2}/g,
          (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)),
        );
        assert.equal(decoded, target);
      }
    },
  },
  {
    name: "targets: dot segments, backslashes in a path and fragments are resolved once",
    async run(context) {
      for (const [sent, expected] of unresolved) {
        assert.equal(await received(context, sent), expected, sent);
        assert.equal(await received(context, expected), expected, "what was resolved stays as it is");
      }
    },
  },
  {
    name: "targets: a route decides on what is sent: no detour leads past it",
    async run(context) {
      for (const target of detours) {
        const { port, backends: { admin, site } } = await context.stage(guarded);
        const status = await ask(context, port, target);
        const arrivals = [...admin.arrivals, ...site.arrivals];
        assert.ok(arrivals.length === 1 || (arrivals.length === 0 && status === 400), `${target}: ${status}`);
        for (const { target: sent } of admin.arrivals) assert.ok(isAdmin(sent), `${target} reaches admin as ${sent}`);
        for (const { target: sent } of site.arrivals) {
          assert.ok(!isAdmin(sent), `${target} reaches the site as ${sent}`);
        }
        for (const { target: sent } of arrivals) assert.doesNotMatch(pathOf(sent), /\/(?:\.|%2e){1,2}(?:\/|$)/i);
      }
    },
  },
  {
    name:
      "targets: a path that differs by an empty segment, its case or its encoding is another path, and is sent on as such",
    async run(context) {
      for (const target of ["//admin", "///admin/x", "/ADMIN", "/%61dmin", "/admin%2fx", "/adminx"]) {
        const { port, backends: { admin, site } } = await context.stage(guarded);
        assert.equal(await ask(context, port, target), 200);
        assert.deepEqual([admin.arrivals.length, site.arrivals[0]?.target], [0, target]);
      }
    },
  },
  {
    name: "targets: OPTIONS * arrives as such or for /, and as nothing else",
    async run(context) {
      const { exchange, backends } = await context.stage(plain);
      const { status } = await exchange({ method: "OPTIONS", target: "*" });
      const targets = backends.main.arrivals.map(({ target }) => target);
      assert.ok(
        status === 400 ? targets.length === 0 : ["*", "/*", "/"].includes(targets.join()),
        `${status} ${targets}`,
      );
    },
  },
  {
    name: "targets: one of more than 16 KiB is a 414",
    async run(context) {
      const { port, backends } = await context.stage(plain);
      assert.equal(await ask(context, port, `/${"x".repeat(20_000)}`), 414);
      assert.equal(backends.main.arrivals.length, 0);
    },
  },
];
