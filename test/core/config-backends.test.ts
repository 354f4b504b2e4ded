import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseBackends } from "../../src/core/config.ts";
import { complaints } from "../support/config.ts";

describe("backends", () => {
  const shorts = [
    { urls: ["http://a", "https://b:8443/base/"], ids: ["a", "b:8443"], out: ["http://a", "https://b:8443/base"] },
    { urls: ["http://a:80", "http://[::1]:81"], ids: ["a", "[::1]:81"], out: ["http://a", "http://[::1]:81"] },
    {
      urls: ["http://a/x", "http://a/y", "http://b/z"],
      ids: ["a/x", "a/y", "b"],
      out: ["http://a/x", "http://a/y", "http://b/z"],
    },
    { urls: ["http://a", "http://a/y//"], ids: ["a", "a/y"], out: ["http://a", "http://a/y"] },
    {
      urls: ["unix:/run/a.sock", "unix:/run/b.sock:/x/", "unix:/run/b.sock:/y"],
      ids: ["/run/a.sock", "/run/b.sock/x", "/run/b.sock/y"],
      out: ["unix:/run/a.sock", "unix:/run/b.sock:/x", "unix:/run/b.sock:/y"],
    },
    { urls: ["HTTP://A.Example:81"], ids: ["a.example:81"], out: ["http://a.example:81"] },
  ];
  for (const { urls, ids, out } of shorts) {
    it(`calls ${urls.join(" ")} ${ids.join(" ")}`, () => {
      const parsed = parseBackends(urls);
      assert.deepEqual(parsed.map(({ id }) => id), ids);
      assert.deepEqual(parsed.map(({ url }) => url), out);
    });
  }

  it("takes one URL twice under two ids", () => {
    const parsed = parseBackends([{ url: "http://a", id: "one", weight: 0 }, {
      url: "http://a",
      id: "two",
      state: "drain",
    }]);
    assert.deepEqual(parsed.map(({ id, weight, state }) => [id, weight, state]), [["one", 0, "active"], [
      "two",
      1,
      "drain",
    ]]);
  });

  it("gives back what it gave before", () => {
    const parsed = parseBackends(["http://a/x", { url: "http://a/y", weight: 0.5, priority: 2, maxRequests: 7 }]);
    assert.deepEqual(parseBackends(JSON.parse(JSON.stringify(parsed))), parsed);
  });

  const url = 'expected an http or https URL such as "http://127.0.0.1:8081"';
  const bad: readonly [unknown, string][] = [
    [[], "expected at least one backend, found []"],
    [undefined, "expected a list of backends, found nothing"],
    [{ 0: "http://a" }, 'expected a list of backends, found {"0":"http://a"}'],
    [[7], `[0]: ${url}, or an object with one, found 7`],
    [[{}], `[0].url: ${url}, found nothing`],
    [[[]], `[0]: ${url}, or an object with one, found []`],
    ...[
      "",
      "a:80",
      "http:a",
      "http:///a",
      "ftp://a",
      "http:\\\\a",
      " http://a",
      "http://a\n",
      "http://a:99999",
      "http://[::1",
    ].map(
      (text): [unknown, string] => [[text], `[0]: ${url}, found ${JSON.stringify(text)}`],
    ),
    [["http://me:secret@a"], '[0]: expected a URL without a user name and a password, found "http://***@a"'],
    [["http://a/?x=1"], '[0]: expected a URL without a query and a fragment, found "http://a/?x=1"'],
    [["http://a/#x"], '[0]: expected a URL without a query and a fragment, found "http://a/#x"'],
    [["http://a:0"], '[0]: expected a URL with a port from 1 to 65535, found "http://a:0"'],
    [
      ["unix:run/a.sock"],
      '[0]: expected a Unix socket such as "unix:/run/app.sock", or with a base path "unix:/run/app.sock:/base", found "unix:run/a.sock"',
    ],
    [[{ url: "http://a", weight: -1 }], "[0].weight: expected a number from 0 to 1000, found -1"],
    [[{ url: "http://a", weight: 1001 }], "[0].weight: expected a number from 0 to 1000, found 1001"],
    [[{ url: "http://a", weight: "2" }], '[0].weight: expected a number from 0 to 1000, found "2"'],
    [[{ url: "http://a", priority: 0.5 }], "[0].priority: expected a whole number from 0, found 0.5"],
    [[{ url: "http://a", state: "up" }], '[0].state: expected "active", "drain" or "maintenance", found "up"'],
    [
      [{ url: "http://a", id: "a b" }],
      '[0].id: expected an id of at most 128 printable characters without spaces, found "a b"',
    ],
    [
      [{ url: "http://a", id: "a\n" }],
      '[0].id: expected an id of at most 128 printable characters without spaces, found "a\\n"',
    ],
    [
      [{ url: "http://a", id: "__proto__" }],
      '[0].id: expected an id that is not a built-in name of JavaScript, found "__proto__"',
    ],
    [
      ["http://a", "http://b", "http://a"],
      '[2]: expected an id other than "a", which backends[0] has, found "http://a"',
    ],
    [["http://a", "http://a/"], '[1]: expected an id other than "a", which backends[0] has, found "http://a/"'],
    [["http://a", "https://a"], '[1]: expected an id other than "a", which backends[0] has, found "https://a"'],
    [
      [{ url: "http://a", id: "x" }, { url: "http://b", id: "x" }],
      '[1]: expected an id other than "x", which backends[0] has, found {"url":"http://b","id":"x"}',
    ],
    [[{ url: "http://a", maxRequests: -1 }], "[0].maxRequests: expected a whole number from 0, found -1"],
    [[{ url: "http://a", maxRequests: 0.5 }], "[0].maxRequests: expected a whole number from 0, found 0.5"],
    [
      [{ url: "http://a", tags: {} }],
      '[0].tags: expected a known key, found "tags"; known here: url, id, weight, priority, maxRequests, state',
    ],
    [[{ url: "http://a", ids: "x" }], '[0].ids: expected a known key, found "ids"; did you mean "id"?'],
    [[{ url: "http://a", wieght: 1 }], '[0].wieght: expected a known key, found "wieght"; did you mean "weight"?'],
  ];
  for (const [raw, line] of bad) {
    it(`refuses ${JSON.stringify(raw)}`, () => assert.deepEqual(complaints(() => parseBackends(raw)), [line]));
  }

  it("refuses a URL that is too long to be an id, and takes it with an id", () => {
    const long = `http://a/${"x".repeat(200)}`;
    const [line] = complaints(() => parseBackends(["http://a", long]));
    assert.match(String(line), /^\[1\]: expected an "id", because the URL is too long to be one, found "http/);
    assert.equal(parseBackends(["http://a", { url: long, id: "b" }])[1]?.id, "b");
  });

  it("compares the good ones though others are bad", () => {
    assert.deepEqual(complaints(() => parseBackends(["http://a", 7, "http://a"])).map((line) => line.slice(0, 30)), [
      "[1]: expected an http or https",
      "[2]: expected an id other than",
    ]);
  });
});
