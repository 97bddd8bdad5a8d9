/** The configuration changes while the host is up: one row after the other, because there is one configuration. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { becomes } from "../../support/wait.ts";
import { CONTENT, homeOf, NEW, OLD, UP_A, UP_B, writesOfAccount, type Behaviour } from "./corner.ts";
import { formatRow } from "../rules.ts";

/** Long enough that a host that took no prefix for an answer would have deleted: a deletion is wished for 300 ms before it is sent. */
const UNCHANGED_MS = 500;

export const reload: readonly Behaviour[] = [
  {
    id: "B09",
    name: "a configuration without a prefix, or none, changes nothing and is told",
    async run(it) {
      const { stage } = it;
      await it.source();
      await it.copied();
      const before = (await writesOfAccount(stage.auditLog)).length;
      for (const bad of ["functions:\n  mirror:\n    prefixes: []\n", "functions: [", ""]) {
        await stage.saveConfig(bad);
        await stage.host.readyIs(500, "functions");
        await delay(UNCHANGED_MS);
      }
      assert.deepEqual((await writesOfAccount(stage.auditLog)).slice(before).map(formatRow), []);
      await stage.configure({});
      await stage.host.readyIs(200);
      await it.copied();
    },
  },
  {
    id: "B22",
    name: "a changed prefix makes the new copies first, then removes the old; strangers stay",
    async run(it) {
      for (const namespace of [OLD, NEW]) await it.create(namespace, { data: { mine: "yes" } }, {}, `${it.name}-mine`);
      await it.source();
      await it.copied(CONTENT, it.name, [UP_A, UP_B, OLD]);
      const before = (await it.writes()).length;
      await it.stage.configure({ prefixes: ["team-up-", "team-new-"] });
      const targets = async (): Promise<unknown> => [(await it.copies()).has(OLD), (await it.copies()).has(NEW)];
      await becomes(targets, [false, true]);
      const writes = (await it.writes()).slice(before).map(formatRow);
      assert.deepEqual(writes, [`create configmaps ${NEW}/b22: 201`, `delete configmaps ${OLD}/b22: 200`]);
      for (const namespace of [OLD, NEW]) assert.ok(await it.get(namespace, `${it.name}-mine`));
    },
  },
  {
    id: "B15",
    name: "a namespace taken off the list of sources loses its copies, and no other does",
    async run(it) {
      await it.copied();
      const { sourceNamespaces } = it.stage.config;
      await it.stage.configure({ sourceNamespaces: sourceNamespaces.filter((name) => name !== homeOf("B15")) });
      await it.uncopied();
      await it.copied(CONTENT, "b22", [UP_A, UP_B, NEW]);
    },
  },
  {
    id: "B50-dry",
    name: "a dry run writes nothing, and what it planned is written after it",
    async run(it) {
      const taken = it.stage.host.waitForNewLine(/"message":"configuration changed"/);
      await it.stage.configure({}, true);
      await taken;
      await it.source();
      await it.stage.host.waitForLine(/"function":"mirror","key":"source-b50-dry\/b50-dry"/);
      assert.deepEqual(await it.writes(), []);
      await it.stage.configure({});
      await it.copied();
    },
  },
];
