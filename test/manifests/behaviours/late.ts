/** What a host is told late, or never: its lists are delayed, its watch misses what happens. One row after the other. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { LEADING } from "../../e2e/scenario.ts";
import { becomes } from "../../support/wait.ts";
import { formatRow } from "../rules.ts";
import { CONTENT, OTHER, UP_A, UP_B, writesOfAccount, type Behaviour, type Corner } from "./corner.ts";
import { historyGone, isWholeList, shownOf, sights, type Sight } from "./sight.ts";

/** Long enough that a host that did not wait would have deleted: a deletion is wished for 300 ms before it is asked for. */
const UNSYNCED_MS = 2_000;

/** A copy without its source, a source without its copies and targets without namespaces: each looks like a deletion. */
const unsynced = Object.entries(sights).map(([what, held]): Behaviour => ({
  id: `B06-${what}`,
  name: `a start without the list of ${what} writes and deletes nothing; with it, what went meanwhile is cleaned up`,
  async run(it) {
    const { stage } = it;
    const goes = `${it.name}-goes`;
    for (const name of [it.name, goes]) await it.source(CONTENT, {}, name);
    for (const name of [it.name, goes]) await it.copied(CONTENT, name);
    const before = await copiesOf(it);
    await stage.host.stop();
    await it.delete(it.home, goes);

    const written = (await writesOfAccount(stage.auditLog)).length;
    using hold = stage.proxy.hold(held.isAsked);
    const host = stage.beginHost();
    const rest = Object.values(sights).filter((sight) => sight !== held);
    await becomes(async () => Promise.all(rest.map((sight) => isListed(it, sight))), [true, true]);
    await host.readyIs(500, "caches");
    await delay(UNSYNCED_MS);
    assert.deepEqual([await isListed(it, held), hold.count > 0], [false, true]);
    assert.deepEqual((await writesOfAccount(stage.auditLog)).slice(written).map(formatRow), []);

    hold.release();
    await host.waitForLine(LEADING);
    await host.readyIs(200);
    await it.uncopied(goes);
    assert.deepEqual(await copiesOf(it), before, "the same objects, in the same version");
  },
}));

export const late: readonly Behaviour[] = [
  ...unsynced,
  {
    id: "B19",
    name: "what was deleted, unlabelled or made anew in a gap of the watch, whose history is gone, arrives by the next list",
    async run(it) {
      const { stage } = it;
      // The API server is away for almost as long as a lease lasts: which of the two is over first is not the question here.
      await stage.host.stop();
      stage.beginHost({ flags: ["--no-leader-elect"] });
      const [label, anew] = [`${it.name}-label`, `${it.name}-anew`];
      const names = [it.name, label, anew];
      for (const name of names) await it.source(CONTENT, {}, name);
      for (const name of names) await it.copied(CONTENT, name);
      const written = (await it.writes()).length;

      using gap = stage.proxy.hold(sights.sources.isAsked);
      using list = stage.proxy.hold((asked) => sights.sources.isAsked(asked) && isWholeList(asked));
      stage.proxy.cut(sights.sources.isAsked);
      await becomes(async () => gap.count > 0, true);
      for (const name of [it.name, anew]) await it.delete(it.home, name);
      await it.patch(it.home, { metadata: { labels: { mirror: null } } }, label);
      await it.source(OTHER, {}, anew);
      // No load balancer sends requests to a server that is not ready: it refuses what it will allow in a second.
      using away = stage.proxy.hold(() => true);
      await stage.controlPlane.compactEtcd();
      await stage.controlPlane.restartApiServer();
      away.release();

      gap.release();
      await becomes(async () => list.count > 0, true);
      await delay(UNSYNCED_MS);
      assert.match(stage.host.stdout, historyGone(sights.sources), "the watch could not go on where it was");
      assert.deepEqual((await it.writes()).slice(written).map(formatRow), [], "nobody knows yet");

      list.release();
      for (const name of [it.name, label]) await it.uncopied(name);
      await it.copied(OTHER, anew);
    },
  },
];

/** Whether the host has taken a list of it in. */
async function isListed(it: Corner, sight: Sight): Promise<boolean> {
  const counts = shownOf(await it.stage.metrics(), "reflector_lists_total", sight);
  return counts.length > 0 && counts.every((count) => count > 0);
}

/** Of the source that stays. */
async function copiesOf(it: Corner): Promise<unknown> {
  const copies = await it.copies();
  return [UP_A, UP_B].map((target) => copies.get(target)?.metadata);
}
