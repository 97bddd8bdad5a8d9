/** Whatever happens while the host is up, the copies become what the sources say. */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { becomes } from "../../support/wait.ts";
import { CANARY, CONTENT, OTHER, UP_A, UP_B, type Behaviour } from "./corner.ts";

const BYTES = Buffer.from([0, 255, 128, 10]).toString("base64");
const SECRET_BYTES = Buffer.from(CANARY).toString("base64");

/** What is made so much later is younger: timestamps of objects are in seconds. */
const YOUNGER_MS = 1_100;

/** Where sources are allowed too. */
export const RIVAL = "rival";

export const converge: readonly Behaviour[] = [
  {
    id: "B16",
    name: "copies have the same data and binaryData bytes, and are immutable where the source is",
    async run(it) {
      const content = { data: { text: "é\n\t ü", empty: "" }, binaryData: { bytes: BYTES, secret: SECRET_BYTES } };
      await it.source(content);
      await it.source({ ...content, immutable: true }, {}, `${it.name}-fixed`);
      await it.copied(content);
      await it.copied({ ...content, immutable: true }, `${it.name}-fixed`);
    },
  },
  {
    id: "B20",
    name: "the label removed, or set to another value, is the end of the copies",
    async run(it) {
      for (const [what, mirror] of [
        ["other", "false"],
        ["none", null],
      ] as const) {
        const name = `${it.name}-${what}`;
        await it.source(CONTENT, {}, name);
        await it.copied(CONTENT, name);
        await it.patch(it.home, { metadata: { labels: { mirror } } }, name);
        await it.uncopied(name);
      }
    },
  },
  {
    id: "B24",
    name: "a namespace created later gets its copy",
    async run(it) {
      await it.source();
      await it.copied();
      await it.copied(CONTENT, it.name, [await it.target()]);
    },
  },
  {
    id: "B25",
    name: "a key removed at the source is removed in the copies, data and binaryData alike",
    async run(it) {
      await it.source({ data: { a: "1", b: "2" }, binaryData: { c: BYTES, d: SECRET_BYTES } });
      await it.copied({ data: { a: "1", b: "2" }, binaryData: { c: BYTES, d: SECRET_BYTES } });
      await it.patch(it.home, { data: { b: null }, binaryData: { d: null } });
      await it.copied({ data: { a: "1" }, binaryData: { c: BYTES } });
      await it.patch(it.home, { data: null, binaryData: null });
      await it.copied({});
    },
  },
  {
    id: "B27",
    name: "a copy that was edited is repaired, and one that was deleted comes back",
    async run(it) {
      await it.source();
      await it.copied();
      await it.patch(UP_A, { data: { a: "edited", more: "of it" } });
      await it.delete(UP_B);
      await it.copied();
    },
  },
  {
    id: "B29",
    name: "a source that is renamed has copies of the new name only",
    async run(it) {
      await it.source();
      await it.copied();
      await it.source(CONTENT, {}, `${it.name}-renamed`);
      await it.delete(it.home);
      await it.copied(CONTENT, `${it.name}-renamed`);
      await it.uncopied();
    },
  },
  {
    id: "B30",
    name: "the source's namespace deleted is the source deleted",
    async run(it) {
      await it.source();
      await it.copied();
      await it.deleteNamespace(it.home);
      await it.uncopied();
      await it.namespaceIsGone(it.home);
    },
  },
  {
    id: "B31",
    name: "a target namespace on its way out is left alone, and has its copies again when it is there again",
    async run(it) {
      const target = await it.target();
      await it.source();
      await it.copied(CONTENT, it.name, [target]);
      // Somebody's finalizer holds the copy, and so the namespace.
      await it.patch(target, { metadata: { finalizers: ["example.com/hold"] } });
      await it.costsNoWrite(() => it.deleteNamespace(target));
      await it.source(CONTENT, {}, `${it.name}-new`);
      await it.copied(CONTENT, `${it.name}-new`);
      const written = (await it.writes(`${it.name}-new`)).map(({ namespace }) => namespace);
      assert.ok(!written.includes(target), written.join(" "));
      await it.patch(target, { metadata: { finalizers: null } });
      await it.namespaceIsGone(target);
      await it.target();
      await it.copied(CONTENT, it.name, [target]);
      await it.copied(CONTENT, `${it.name}-new`, [target]);
    },
  },
  {
    id: "B33",
    name: "of two sources of one name the older is mirrored, the other is told so, and nothing is written over and over",
    async run(it) {
      await it.stage.admin.namespace(RIVAL);
      await it.source();
      await it.copied();
      await delay(YOUNGER_MS);
      await it.costsNoWrite(async () => {
        await it.create(RIVAL, OTHER, { labels: { mirror: "true" } });
        await it.told("Conflict", /source-b33\/b33 has the same name and comes first/, it.name, RIVAL);
      });
      await it.copied();
    },
  },
  {
    id: "B35",
    name: "a copy never asks to be copied, and one that a human labels so makes no second generation",
    async run(it) {
      await it.source();
      await it.copied();
      for (const { metadata } of (await it.copies()).values()) assert.equal(metadata.labels["mirror"], undefined);
      await it.costsNoWrite(() => it.patch(UP_A, { metadata: { labels: { mirror: "true" } } }));
      await it.delete(it.home);
      await it.uncopied();
    },
  },
  {
    id: "B36",
    name: "an immutable source replaced by another content replaces its copies, with a warning",
    async run(it) {
      await it.source({ ...CONTENT, immutable: true });
      await it.copied({ ...CONTENT, immutable: true });
      const before = (await it.copies()).get(UP_A);
      await it.delete(it.home);
      await it.source({ ...OTHER, immutable: true });
      await it.copied({ ...OTHER, immutable: true });
      assert.notEqual((await it.copies()).get(UP_A)?.metadata.uid, before?.metadata.uid);
      const says = "was immutable and has been replaced; kubelets show its new content only to restarted pods";
      const told = async (): Promise<readonly boolean[]> => {
        const notes = await it.notes("Replaced");
        return [UP_A, UP_B].map((target) => notes.includes(`${target}/${it.name} ${says}`));
      };
      await becomes(told, [true, true]);
    },
  },
];
