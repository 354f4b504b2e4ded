import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createGate } from "../../src/checks/gate.ts";
import { createProber } from "../../src/checks/prober.ts";
import { backends } from "../support/fake-pools.ts";
import { checkOf, createRig, minute } from "../support/sweeping.ts";

describe("a backend whose probe is out", () => {
  it("is free again when the probe is in", async () => {
    const rig = createRig({ pools: {} });
    rig.scripts.set(8081, { takes: 1_000 });
    const prober = createProber(checkOf(), rig.ports);
    const [backend] = backends(1);
    const sent = prober.send(backend!, 500, createGate(1), undefined);
    assert.equal(prober.isOut(backend!), true);
    await rig.clock.advance(1_499);
    assert.equal(prober.isOut(backend!), true);
    await rig.clock.advance(1);
    assert.equal(prober.isOut(backend!), false);
    assert.deepEqual(await sent, { passed: true, elapsedMs: 1_000 });
  });

  it("is free again a window and a timeout later, though the run that sent it was killed and never gives it back", async () => {
    const rig = createRig({ pools: {}, window: minute });
    const answers: (() => void)[] = [];
    const connect = () => new Promise<void>((answer) => answers.push(answer));
    const never = () => new Promise<never>(() => {});
    const prober = createProber(checkOf(), { ...rig.ports, connect, clock: { ...rig.clock, sleep: never } });
    const [backend] = backends(1);
    const lost = prober.send(backend!, 0, createGate(1), undefined);
    await rig.clock.advance(61_999);
    assert.equal(prober.isOut(backend!), true);
    await rig.clock.advance(1);
    assert.equal(prober.isOut(backend!), false);

    const later = prober.send(backend!, 0, createGate(1), undefined);
    answers[0]!();
    await lost;
    assert.equal(prober.isOut(backend!), true, "an end that comes after all is not the later probe's");
    answers[1]!();
    await later;
    assert.equal(prober.isOut(backend!), false);
  });
});
