/**
 * What the host promises while six functions beside the shipped ones do their worst: mirror goes on in its usual time, the
 * lease is kept, the endpoints answer, each culprit is named, and nothing is left of it when it goes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Code } from "../../runtime/kube/errors.ts";
import { until } from "../support/wait.ts";
import { fileOf, misdeeds } from "../reconcile/cell/corpus.ts";
import { storm } from "./storm-stage.ts";

interface Culprit {
  readonly code: Code;
  readonly text: string;
  /** It ends thread after thread, and so comes to be suspended. */
  readonly isSuspended: boolean;
}

/** Each is woken by every object that mirror touches. */
const CULPRITS: Readonly<Record<string, Culprit>> = {
  looper: inCorpus("loops for ever"),
  ticker: inCorpus("leaves microtasks that never end"),
  matcher: inCorpus("backtracks for ever in a regular expression"),
  hoarder: inCorpus("fills the heap"),
  crasher: {
    code: "FUNCTION_CRASHED",
    text: fileOf({ source: "Array.prototype.map = () => { throw new Error('spoilt'); };" }),
    isSuspended: true,
  },
  asker: {
    code: "FUNCTION_NOT_DETERMINISTIC",
    text: fileOf({
      before: "let count = 0;",
      source: 'for (let i = 0; i < 32; i++) cache.get(ConfigMap, { namespace: "a", name: `n${count++}` });',
    }),
    isSuspended: false,
  },
};

/** Of the edits that are measured, before the storm and in it. */
const EDITS = { normal: 120, storm: 200 };
/** A machine with two cores on which other tests run: a loop that is blocked shows as a deadline of a function, 2 s. */
const SLACK_MS = 250;
/** Threads that take the host's turn show here: with the host's own priority they made 8 ms into 50. */
const MEDIAN_SLACK_MS = 25;
/** What it is to be; the 99th part of the answers may take as long as the slack. */
const ANSWER_MS = 100;
/** What the kubelet waits for an answer. Three that are late in a row make it act. */
const PROBE_TIMEOUT_MS = 1_000;
/** A holder that has not renewed for so long gives up. */
const RENEW_DEADLINE_MS = 10_000;
/** What the host keeps when its threads are gone: garbage that V8 is in no hurry to collect. */
const KEPT_MIB = 320;

test("in a storm of misbehaving functions the host keeps what it promises", { timeout: 110_000 }, async (context) => {
  const stage = await storm(context);
  const { host, folder } = stage;
  const normal = await stage.edit(EDITS.normal, 20);
  const beforeMib = await stage.residentMib();

  const stop = new AbortController();
  const probing = stage.probe(stop.signal);
  await Promise.all(Object.entries(CULPRITS).map(([name, { text }]) => folder.write(fileName(name), text)));
  const stormy = await stage.edit(EDITS.storm, 40);

  await context.test("mirror goes on in its usual time", () => {
    context.diagnostic(`ms from an edit to its last copy, normally: ${summary(normal)}`);
    context.diagnostic(`ms from an edit to its last copy, in the storm: ${summary(stormy)}`);
    for (const [part, slackMs] of [
      [0.5, MEDIAN_SLACK_MS],
      [0.99, SLACK_MS],
    ] as const) {
      const limitMs = 1.5 * share(normal, part) + slackMs;
      assert.ok(share(stormy, part) <= limitMs, `${part}: ${summary(stormy)}, at most ${limitMs} ms`);
    }
  });

  for (const [name, { code, isSuspended }] of Object.entries(CULPRITS)) {
    await context.test(`${name} is named with ${code}`, async () => {
      const series = `evenkeel_function_errors_total{code="${code}",controller="${name}"}`;
      const isCounted = async (): Promise<boolean> => ((await stage.metric(series)) ?? 0) > 0;
      await until(isCounted, { what: `there is ${series}` });
      await stage.statusIs(`${name} is in the status`, ({ functions }) =>
        functions.some(
          (each) => each.name === name && each.lastError?.code === code && each.faultCount > 0 === isSuspended,
        ),
      );
      const page = await stage.text("/");
      assert.ok(page.includes(`id="card-${name}"`) && page.includes(`<code>${code}</code>`), page);
      if (!isSuspended) return;
      await host.waitForLine(new RegExp(`"message":"function suspended[^"]*","function":"${name}"`));
      assert.ok(((await stage.metric(`evenkeel_function_thread_faults_total{controller="${name}"}`)) ?? 0) >= 3);
    });
  }

  await context.test("the log says it, and goes on being readable", () => {
    const lines = host.stdout.split("\n");
    for (const name of Object.keys(CULPRITS)) {
      const told = lines.filter((line) => line.includes(`"reconcile failed","function":"${name}"`));
      assert.ok(told.length > 0 && told.length <= 30, `${told.length} lines on ${name}`);
    }
    assert.ok(!lines.some((line) => line.includes('"code":"FUNCTION_SUSPENDED"')), "nobody innocent is blamed");
  });

  await context.test("a culprit that is mended is at work, and those that are removed are gone", async () => {
    const [mended = "", ...others] = Object.keys(CULPRITS);
    await folder.replace(fileName(mended), fileOf({ source: "" }));
    await Promise.all(others.map((name) => folder.remove(fileName(name))));
    await stage.statusIs(
      "three functions work and are well",
      ({ functions }) =>
        functions.length === 3 &&
        functions.every(
          ({ state, suspension, lastError }) =>
            state === "working" && suspension === undefined && lastError === undefined,
        ),
    );
    const metrics = await stage.text("/metrics");
    for (const name of others) assert.ok(!metrics.includes(`"${name}"`), name);
    assert.equal(await stage.metric(`evenkeel_function_suspended{controller="${mended}"}`), 0);
  });

  await context.test("all is quiet then", async () => {
    const said = host.stdout.length;
    const busyS = await stage.metric("process_cpu_seconds_total");
    await delay(2_000);
    assert.equal(host.stdout.slice(said), "");
    const spentS = ((await stage.metric("process_cpu_seconds_total")) ?? 0) - (busyS ?? 0);
    assert.ok(spentS < 0.5, `${spentS} s of CPU in 2 s`);
    const afterMib = await stage.residentMib();
    context.diagnostic(`resident MiB: ${beforeMib} before, ${afterMib} after`);
    assert.ok(afterMib <= beforeMib + KEPT_MIB, `${afterMib} MiB, ${beforeMib} before`);
  });

  stop.abort();
  const { answersMs, failed, holders, renewedMs, residentMib } = await probing;
  context.diagnostic(`resident MiB in the storm: ${summary(residentMib)}`);
  await context.test("the lease was kept throughout", () => {
    assert.equal(holders.size, 1);
    assert.ok(Math.max(...renewedMs) < RENEW_DEADLINE_MS, `renewed ${summary(renewedMs)} ms ago`);
  });

  await context.test("the endpoints answered throughout", () => {
    context.diagnostic(`ms until an answer of /healthz or /readyz: ${summary(answersMs)}`);
    assert.deepEqual([...failed], []);
    assert.ok(share(answersMs, 0.9) <= ANSWER_MS, summary(answersMs));
    assert.ok(share(answersMs, 0.99) <= ANSWER_MS + SLACK_MS, summary(answersMs));
    const late = answersMs.map((tookMs) => (tookMs < PROBE_TIMEOUT_MS ? "." : "!")).join("");
    assert.ok(!late.includes("!!!"), late);
  });
  await host.stop();
});

function inCorpus(name: string): Culprit {
  const found = misdeeds.find((each) => each.name === name);
  assert.ok(found !== undefined, `nothing in the corpus ${name}`);
  return { code: found.code, text: fileOf(found), isSuspended: true };
}

function fileName(name: string): string {
  return `functions/${name}.js`;
}

/** The value that this share of `values` does not exceed. */
function share(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
}

function summary(values: readonly number[]): string {
  const [p50, p90, p99, most] = [0.5, 0.9, 0.99, 1].map((part) => share(values, part).toFixed(1));
  return `p50 ${p50}, p90 ${p90}, p99 ${p99}, most ${most}, of ${values.length}`;
}
