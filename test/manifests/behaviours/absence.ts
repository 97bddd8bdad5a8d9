/** Hosts stop and are killed, and what was missed is made up for: one row after the other, on the one host. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { AuditRow } from "../../controlplane/audit-log.ts";
import { becomes } from "../../support/wait.ts";
import { CANARY, CONTENT, NEW, OLD, OTHER, QUIET_MS, UP_A, writesOfAccount, type Behaviour } from "./corner.ts";
import { strangers } from "./never-destroy.ts";
import { formatRow } from "../rules.ts";

const Named = z.object({ metadata: z.object({ name: z.string() }) });
const Held = z.object({ metadata: z.object({ finalizers: z.array(z.string()).min(1) }) });

const COPIES = "/api/v1/configmaps?labelSelector=evenkeel.dev%2Ffunction";

/** A killed host's Lease has to expire first: nobody gave it up. */
const TAKEOVER_MS = 30_000;

/** How long the steady state is watched: a host that repeats itself does so within seconds. */
const STEADY_MS = 5_000;

export const absence: readonly Behaviour[] = [
  {
    id: "B39",
    name: "neither the steady state nor a start makes a write request for what is as it should be",
    async run(it) {
      const { stage } = it;
      await it.source();
      await it.copied();
      await delay(QUIET_MS);
      const before = (await writesOfAccount(stage.auditLog)).length;
      const since = async (): Promise<readonly AuditRow[]> => (await writesOfAccount(stage.auditLog)).slice(before);
      await delay(STEADY_MS);
      assert.deepEqual((await since()).map(formatRow), []);
      await stage.withoutHost(async () => undefined);
      await it.patch(it.home, OTHER);
      await it.copied(OTHER);
      await delay(QUIET_MS);
      const others = (await since()).filter((row) => row.name !== it.name && !isAsked(row));
      assert.deepEqual(others.map(formatRow), []);
    },
  },
  {
    id: "B17",
    name: "what lost its source, or its label, while the host was down is gone after its start",
    async run(it) {
      const labelled = `${it.name}-label`;
      for (const name of [it.name, labelled]) await it.source(CONTENT, {}, name);
      for (const name of [it.name, labelled]) await it.copied(CONTENT, name);
      await it.stage.withoutHost(async () => {
        await it.delete(it.home);
        await it.patch(it.home, { metadata: { labels: { mirror: null } } }, labelled);
      });
      for (const name of [it.name, labelled]) await it.uncopied(name);
    },
  },
  {
    id: "B23",
    name: "a prefix that changed while the host was down comes to the same end",
    async run(it) {
      await it.source();
      await it.copied(CONTENT, it.name, [UP_A, NEW]);
      await it.stage.withoutHost(() => it.stage.configure({ prefixes: ["team-up-", "team-old-"] }));
      await it.copied(CONTENT, it.name, [UP_A, OLD]);
      const stray = `/api/v1/namespaces/${NEW}/configmaps?labelSelector=evenkeel.dev%2Ffunction`;
      await becomes(async () => (await it.stage.admin.items(stray)).length, 0);
    },
  },
  {
    id: "B47",
    name: "nothing carries a finalizer: namespaces of sources and of copies are deleted with the host gone",
    async run(it) {
      const { admin, deployed } = it.stage;
      const target = await it.target();
      await it.source();
      await it.copied(CONTENT, it.name, [UP_A, target]);
      await it.stage.withoutHost(async () => {
        for (const path of ["/api/v1/configmaps?labelSelector=mirror%3Dtrue", COPIES, "/api/v1/namespaces"]) {
          const all = await admin.items(path);
          assert.deepEqual([all.length > 0, all.filter((object) => Held.safeParse(object).success)], [true, []]);
        }
        await deployed.admin("delete", "namespace", it.home, target, "--timeout=30s");
      });
      await it.uncopied();
    },
  },
  {
    id: "B18",
    name: "a host that is killed amid deletions leaves the rest to the next one",
    async run(it) {
      const { admin, host } = it.stage;
      const names = Array.from({ length: 60 }, (_, i) => `${it.name}-${i}`);
      const count = async (): Promise<number> =>
        (await admin.items(COPIES)).filter((item) => nameOf(item).startsWith(it.name)).length;
      const targets = (await admin.items("/api/v1/namespaces")).filter((item) =>
        /^team-(?:up|old)-/.test(nameOf(item)),
      );
      const all = names.length * targets.length;
      await Promise.all(names.map((name) => it.source(CONTENT, {}, name)));
      await becomes(count, all, TAKEOVER_MS);
      await Promise.all(names.map((name) => it.delete(it.home, name)));
      await becomes(async () => (await count()) < all - 30, true);
      host.signal("SIGKILL");
      await host.exited();
      assert.ok((await count()) > 0, "the rest");
      await it.stage.startHost();
      await becomes(count, 0, TAKEOVER_MS);
    },
  },
  {
    id: "B01",
    name: "after all that the strangers are what they were, and nothing has been told twice",
    async run(it) {
      for (const { what, content } of strangers) {
        const name = `${it.name}-${what}`;
        const found = await it.get(UP_A, name);
        assert.deepEqual([found?.data, found?.binaryData], [content.data, undefined], what);
        await it.told("NotOurs", /is not ours/, name);
      }
      const toStrangers = (await it.writes()).filter(({ namespace }) => namespace === UP_A);
      assert.deepEqual(toStrangers.filter((row) => !isAsked(row)).map(formatRow), []);
    },
  },
  {
    id: "B49",
    name: "no data value is told: not in lines, Events or metrics",
    async run({ stage }) {
      const events = JSON.stringify(await stage.admin.items("/apis/events.k8s.io/v1/events"));
      const told = { lines: stage.said, events, metrics: await stage.metrics() };
      for (const [where, text] of Object.entries(told)) {
        assert.ok(text.length > 1_000, where);
        for (const canary of [CANARY, Buffer.from(CANARY).toString("base64")]) assert.ok(!text.includes(canary), where);
      }
    },
  },
];

function nameOf(item: unknown): string {
  return Named.parse(item).metadata.name;
}

/**
 * Only the refusal of a creation tells the host that a name is taken, by an object that is not in its cache because it is
 * not ours, or by an Event that has been told.
 */
function isAsked({ verb, resource, name, code }: AuditRow): boolean {
  return verb === "create" && code === 409 && (resource === "events" || name.startsWith("b01-"));
}
