/**
 * What mirror and cleanup-on-delete do for a user, told once and shown on every kind of API server: driven by kubectl, read
 * from the cluster, never from the host. Each step begins where the one before it ended.
 */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { systemClock } from "../../runtime/clock/clock.ts";
import type { Cluster } from "../controlplane/cluster.ts";
import { becomes, until } from "../support/wait.ts";
import type { HostProcess } from "./host-process.ts";

/** The API server and the host of one run. */
export interface Stage {
  readonly cluster: Cluster;
  /** A host that is working, or a standby that waits for the lease. */
  readonly startHost: (identity: string) => Promise<HostProcess>;
  /** The Lease of the hosts; undefined when the API server ends with its host: nothing can then be shown across a restart. */
  readonly lease: { readonly namespace: string; readonly name: string } | undefined;
  /** The write requests so far that the host alone can have made, Lease renewals left out. */
  readonly hostWrites: () => Promise<readonly string[]>;
  readonly steadyMs: number;
}

export const CONFIG = "functions:\n  mirror:\n    prefixes: [team-]\n";

/** What the last step set off has come to rest: the copies were right before the last answer was read. */
const SETTLE_MS = 5_000;
/** A stranger is not watched but looked at again, after 5, 10, 20 … s. */
const STRANGER_MS = 45_000;

export async function mirrorScenario(context: TestContext, stage: Stage): Promise<void> {
  const { cluster, lease } = stage;
  const world = new World(cluster);
  let isBroken = false;
  // What follows a broken step would fail too, and bury why.
  const step = (name: string, run: () => Promise<void>): Promise<void> =>
    context.test(name, { skip: isBroken && "a step before it failed" }, async () => {
      isBroken = true;
      await run().catch((error: unknown) => {
        throw new Error(`the host said:\n${host.output}`, { cause: error });
      });
      isBroken = false;
    });

  for (const name of ["team-a", "team-b", "other", "team-kept", "team-taken"])
    await world.do("create", "namespace", name);
  for (const namespace of ["team-kept", "team-taken"])
    await world.do("create", "configmap", "settings", "-n", namespace, "--from-literal=whose=a stranger's");
  const strangers = await world.configMaps("team-kept");
  let host = await stage.startHost("first");

  await step("copies appear in every namespace with the prefix, and nowhere else", async () => {
    await world.do("create", "configmap", "settings", "--from-literal=colour=blue", "--from-literal=empty=");
    await world.do("label", "configmap", "settings", "mirror=true");
    await world.copiesAre({ "team-a": BLUE, "team-b": BLUE });
  });

  await step("one Event tells about the names that strangers have taken", async () => {
    await world.warningsAre([/^v1\/ConfigMap team-kept\/settings \(and 1 more\) exists and is not ours/]);
    await world.do("delete", "configmap", "settings", "-n", "team-taken");
  });

  await step("an edit of the source arrives in the copies", async () => {
    await world.do("patch", "configmap", "settings", "--type=merge", "-p", '{"data":{"colour":"green","empty":null}}');
    await world.copiesInclude({ "team-a": GREEN, "team-b": GREEN });
  });

  await step("a hand-made change to a copy is repaired", async () => {
    const patch = '{"data":{"colour":"pink","more":"of it"}}';
    await world.do("patch", "configmap", "settings", "-n", "team-a", "--type=merge", "-p", patch);
    await world.copiesInclude({ "team-a": GREEN });
  });

  await step("a deleted copy comes back", async () => {
    const before = await world.uidOfCopy("team-b");
    await world.do("delete", "configmap", "settings", "-n", "team-b");
    await world.copiesInclude({ "team-b": GREEN });
    assert.notEqual(await world.uidOfCopy("team-b"), before);
  });

  await step("a namespace created later gets its copy", async () => {
    await world.do("create", "namespace", "team-late");
    await world.copiesInclude({ "team-late": GREEN });
  });

  await step("a stranger that its owner deletes makes room for the copy", async () => {
    await world.copiesAre({ ...THREE, "team-taken": GREEN }, STRANGER_MS);
    await world.warningsAre([/team-kept\/settings \(and 1 more\)/, /team-kept\/settings exists and is not ours/]);
  });

  await step("without the label the copies go, and with it they come back", async () => {
    await world.do("label", "configmap", "settings", "mirror-");
    await world.copiesAre({});
    await world.do("label", "configmap", "settings", "mirror=true");
    await world.copiesAre({ ...THREE, "team-taken": GREEN });
  });

  await step("the steady state makes no write request", async () => {
    await delay(SETTLE_MS);
    const before = await stage.hostWrites();
    assert.match(before.join("\n"), /configmaps: [1-9]/, "the writes up to here are seen, so that one more would be");
    await delay(stage.steadyMs);
    assert.deepEqual(await stage.hostWrites(), before);
  });

  await step("the deletion of the source removes the copies", async () => {
    await world.do("delete", "configmap", "settings");
    await world.copiesAre({});
  });

  if (lease !== undefined) {
    const holder = async (): Promise<string> =>
      world.do("get", "lease", lease.name, "-n", lease.namespace, "-o", "jsonpath={.spec.holderIdentity}");

    await step("a source deleted while the host is down is cleaned up after its start", async () => {
      await world.do("create", "configmap", "settings", "--from-literal=colour=green");
      await world.do("label", "configmap", "settings", "mirror=true");
      await world.copiesAre({ ...THREE, "team-taken": GREEN });
      await host.stop();
      assert.equal(await holder(), "", "SIGTERM gives the lease up");
      await world.do("delete", "configmap", "settings");
      await world.copiesAre({ ...THREE, "team-taken": GREEN });
      host = await stage.startHost("second");
      await world.copiesAre({});
    });

    await step("SIGTERM gives the lease up, and the standby leads within 2 s", async () => {
      const standby = await stage.startHost("third");
      assert.equal(await holder(), "second");
      await host.stop();
      const endedMs = systemClock.now();
      await standby.waitForLine(LEADING);
      const tookMs = systemClock.now() - endedMs;
      assert.equal(await holder(), "third");
      context.diagnostic(`the standby leads ${Math.round(tookMs)} ms after the end`);
      assert.ok(tookMs < 2_000, `${tookMs} ms`);
      host = standby;
      await world.do("create", "configmap", "settings", "--from-literal=colour=green");
      await world.do("label", "configmap", "settings", "mirror=true");
      await world.copiesAre({ ...THREE, "team-taken": GREEN });
    });
  }

  await step("the stranger is what it was", async () => {
    assert.deepEqual(await world.configMaps("team-kept"), strangers);
  });

  await step("SIGTERM ends the host with code 0", () => host.stop());
}

export const LEADING = /"message":"leading"/;

const BLUE = { colour: "blue", empty: "" };
const GREEN = { colour: "green" };
const THREE = { "team-a": GREEN, "team-b": GREEN, "team-late": GREEN };

type Data = Readonly<Record<string, string>>;

const ConfigMaps = z.object({
  items: z.array(
    z.object({
      metadata: z.looseObject({
        name: z.string(),
        namespace: z.string(),
        uid: z.string(),
        labels: z.record(z.string(), z.string()).default({}),
      }),
      data: z.record(z.string(), z.string()).default({}),
    }),
  ),
});
type ConfigMap = z.infer<typeof ConfigMaps>["items"][number];

const Event = z.object({
  type: z.string(),
  note: z.string().default(""),
  reportingController: z.string().default(""),
});
const Events = z.object({ items: z.array(Event) });

/** The cluster as kubectl shows it. */
export class World {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Runs kubectl. @throws AssertionError with its words when it fails */
  async do(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#cluster.kubectl(args);
    assert.equal(code, 0, `kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  }

  async configMaps(namespace: string): Promise<readonly ConfigMap[]> {
    const { items } = ConfigMaps.parse(JSON.parse(await this.do("get", "configmaps", "-n", namespace, "-o", "json")));
    return items.filter(({ metadata }) => metadata.name !== "kube-root-ca.crt");
  }

  /** Waits until the host's warnings about objects in `default` are these, each told once. The API server has some of its own. */
  async warningsAre(wanted: readonly RegExp[]): Promise<void> {
    let notes: readonly string[] = [];
    const areThere = async (): Promise<boolean> => {
      const list = JSON.parse(await this.do("get", "events.v1.events.k8s.io", "-n", "default", "-o", "json"));
      const told = Events.parse(list).items.filter((each) => each.reportingController.startsWith("evenkeel.dev/"));
      notes = told.flatMap(({ type, note }) => (type === "Warning" ? [note] : []));
      return notes.length >= wanted.length;
    };
    await until(areThere, { what: `${wanted.length} warnings` });
    assert.equal(notes.length, wanted.length, notes.join("\n"));
    for (const each of wanted)
      assert.ok(
        notes.some((note) => each.test(note)),
        `${each}:\n${notes.join("\n")}`,
      );
  }

  async uidOfCopy(namespace: string): Promise<string | undefined> {
    return (await this.#copies()).find(({ metadata }) => metadata.namespace === namespace)?.metadata.uid;
  }

  /** Waits until the copies are these, by namespace, and no others. */
  copiesAre(wanted: Readonly<Record<string, Data>>, limitMs?: number): Promise<void> {
    return this.#converge(wanted, (copies) => copies, limitMs);
  }

  /** Waits until these copies are there, whatever others are. */
  copiesInclude(wanted: Readonly<Record<string, Data>>): Promise<void> {
    const pick = (copies: Readonly<Record<string, Data>>): Readonly<Record<string, Data>> =>
      Object.fromEntries(Object.entries(copies).filter(([namespace]) => namespace in wanted));
    return this.#converge(wanted, pick);
  }

  /** Waits until these copies are there, as `NAMESPACE/NAME`, and no others. */
  copyNamesAre(wanted: readonly string[]): Promise<void> {
    const names = async (): Promise<string> =>
      (await this.#copies()).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).join(" ");
    return becomes(names, wanted.join(" "));
  }

  #converge(
    wanted: Readonly<Record<string, Data>>,
    pick: (copies: Readonly<Record<string, Data>>) => Readonly<Record<string, Data>>,
    limitMs?: number,
  ): Promise<void> {
    const seen = async (): Promise<Readonly<Record<string, Data>>> =>
      pick(Object.fromEntries((await this.#copies()).map(({ metadata, data }) => [metadata.namespace, data])));
    return becomes(seen, wanted, limitMs);
  }

  /** What the host has marked as a copy; the mark is part of what users build upon. */
  async #copies(): Promise<readonly ConfigMap[]> {
    const args = ["get", "configmaps", "-A", "-l", "evenkeel.dev/function=mirror", "-o", "json"];
    return ConfigMaps.parse(JSON.parse(await this.do(...args))).items;
  }
}
