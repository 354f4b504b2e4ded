import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { loadConfig } from "../../src/core/config.ts";
import { describe as describeProblem } from "../../src/core/problems.ts";
import { substitute } from "../../src/core/variables.ts";
import { beside, complaints, traits, web } from "../support/config.ts";

const variables: Readonly<Record<string, string>> = {
  HOST: "a.example",
  PORT: "8081",
  EMPTY: "",
  TRICK: "${HOST}",
  YES: "true",
  SLOW: "250ms",
};
const lookup = (name: string) => variables[name];

describe("substitute", () => {
  const cases: readonly [string, unknown][] = [
    ["http://${HOST}:${PORT}/x", "http://a.example:8081/x"],
    ["${HOST}", "a.example"],
    ["${PORT}", "8081"],
    ["${NONE:-b}", "b"],
    ["${NONE:-}", ""],
    ["${HOST:-b}", "a.example"],
    ["${EMPTY}", ""],
    ["${EMPTY:-b}", "b"],
    ["${NONE:-http://b:80/}", "http://b:80/"],
    ["${TRICK}", "${HOST}"],
    ["$${HOST}", "${HOST}"],
    ["$HOST $ {HOST} $", "$HOST $ {HOST} $"],
    ["plain", "plain"],
  ];
  for (const [text, value] of cases) {
    it(`makes ${JSON.stringify(value)} of ${text}`, () => {
      assert.deepEqual(substitute({ list: [{ key: text }, 1, null] }, lookup), {
        value: { list: [{ key: value }, 1, null] },
        problems: [],
      });
    });
  }

  const bad: readonly [string, string][] = [
    ["a${NONE}", "list[0]: expected the variable NONE to be set, found nothing; ${NONE:-default} gives it a default"],
    ["${a b}", 'list[0]: expected ${NAME} or ${NAME:-default}, found "${a b}"; $${ stands for ${ itself'],
    ["${HOST", 'list[0]: expected ${NAME} or ${NAME:-default}, found "${HOST"; $${ stands for ${ itself'],
  ];
  for (const [text, line] of bad) {
    it(`refuses ${text}`, () => {
      assert.deepEqual(substitute({ list: [text] }, lookup).problems.map(describeProblem), [line]);
    });
  }

  it("leaves keys, the original, and what has no variable as they are", () => {
    const date = new Date(0);
    const raw = { "${HOST}": "${PORT}", date };
    const { value } = substitute(raw, lookup);
    assert.deepEqual(value, { "${HOST}": "8081", date });
    assert.equal(raw["${HOST}"], "${PORT}");
    fc.assert(fc.property(fc.jsonValue().filter((json) => !JSON.stringify(json).includes("${")), (json) => {
      assert.equal(JSON.stringify(substitute(json, lookup).value), JSON.stringify(json));
    }));
  });

  it("keeps __proto__ a key like any other", () => {
    const { value } = substitute(JSON.parse('{"__proto__":{"polluted":"${HOST}"}}'), lookup);
    assert.deepEqual(Object.keys(Object(value)), ["__proto__"]);
    assert.equal(Object(value).polluted, undefined);
  });
});

describe("loadConfig", () => {
  const load = (raw: unknown) => loadConfig(raw, traits, lookup);

  it("takes a variable for a number or a boolean where the schema wants one", () => {
    const config = load({
      listen: { port: "${PORT}" },
      limits: { bodyBytes: "${PORT}", headTimeout: "${SLOW}" },
      log: { access: "${YES}" },
      shutdown: { preStopDelay: "${DELAY:-5}" },
      pools: { web: { backends: [{ url: "http://${HOST}", weight: "${WEIGHT:-0.5}", id: "${PORT}" }] } },
    });
    assert.deepEqual(config.listen[0].port, 8081);
    assert.deepEqual([config.limits.bodyBytes, config.limits.headTimeout], [8081, 250]);
    assert.deepEqual(config.log.access, true);
    assert.deepEqual(config.shutdown.preStopDelay, 5);
    assert.deepEqual(config.pools["web"]?.backends[0]?.weight, 0.5);
  });

  it("takes it for a text where the schema wants a text", () => {
    const config = load(
      beside({ routes: [{ pool: "web", setRequestHeaders: { "x-port": "${PORT}", "x-on": "${YES}" } }] }),
    );
    assert.deepEqual(config.routes[0]?.setRequestHeaders, { "x-port": "8081", "x-on": "true" });
    assert.equal(load(web({ backends: [{ url: "http://a", id: "${PORT}" }] })).pools["web"]?.backends[0]?.id, "8081");
  });

  it("refuses what contains itself, twice over, and what is too deep", () => {
    const circle: Record<string, unknown> = { limits: "${HOST}" };
    Object.assign(circle, { log: circle, admin: [circle, circle] });
    assert.deepEqual(complaints(() => load(circle)).map((line) => line.split(":")[0]).sort(), [
      "admin",
      "limits",
      "log.admin",
      "log.limits",
      "log.log",
      "pools",
    ]);
    const deep = JSON.parse("[".repeat(5_000) + "]".repeat(5_000));
    assert.match(
      complaints(() => load(beside({ admin: deep })))[0] ?? "",
      /^admin: expected false or an object, found \[{20}/,
    );
  });

  const bad: readonly [unknown, ...string[]][] = [
    [beside({ listen: { port: "8080" } }), 'listen.port: expected a whole number from 0 to 65535, found "8080"'],
    [beside({ listen: { port: "1${PORT}" } }), 'listen.port: expected a whole number from 0 to 65535, found "18081"'],
    [
      beside({ listen: { port: "${HOST}" } }),
      'listen.port: expected a whole number from 0 to 65535, found "a.example"',
    ],
    [beside({ listen: { port: "${P:-70000}" } }), "listen.port: expected a whole number from 0 to 65535, found 70000"],
    [
      { listen: { port: "${NONE}" }, pools: { web: { backends: ["http://${NO_HOST}", "ftp://${HOST}"] } } },
      "listen.port: expected the variable NONE to be set, found nothing; ${NONE:-default} gives it a default",
      "pools.web.backends[0]: expected the variable NO_HOST to be set, found nothing; ${NO_HOST:-default} gives it a default",
      'pools.web.backends[1]: expected an http or https URL such as "http://127.0.0.1:8081", found "ftp://a.example"',
    ],
  ];
  for (const [raw, ...lines] of bad) {
    it(`refuses ${JSON.stringify(raw)}`, () => assert.deepEqual(complaints(() => load(raw)), lines));
  }
});
