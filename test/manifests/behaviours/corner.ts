/**
 * A corner of a cluster for one behaviour: names that no other behaviour uses, so that many run at once against one host.
 * Changes are made as admin by plain requests; what is asked afterwards comes from the cluster and its audit log.
 */
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { AuditRow } from "../../controlplane/audit-log.ts";
import { becomes } from "../../support/wait.ts";
import { requestsOfAccount } from "../deployed.ts";
import type { Admin } from "./admin.ts";
import type { Stage } from "./stage.ts";
import { formatRow } from "../rules.ts";

/** For a write that was begun before what came after it was done. */
export const QUIET_MS = 2_000;

/** Stands in the data of sources, and nowhere that the host tells of. */
export const CANARY = "c4n4ry";
export const CONTENT = { data: { a: "1", password: CANARY } };
export const OTHER = { data: { a: "2", password: CANARY } };

/** Namespaces that every behaviour finds. */
export const [UP_A, UP_B] = ["team-up-a", "team-up-b"];
/** With the prefixes before and after they change. */
export const [OLD, NEW] = ["team-old-a", "team-new-a"];

const ConfigMap = z.object({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    finalizers: z.array(z.string()).default([]),
    ownerReferences: z.array(z.unknown()).default([]),
  }),
  data: z.record(z.string(), z.string()).optional(),
  binaryData: z.record(z.string(), z.string()).optional(),
  immutable: z.boolean().optional(),
});
export type ConfigMap = z.infer<typeof ConfigMap>;

export type Content = Pick<ConfigMap, "data" | "binaryData" | "immutable">;
export interface Marks {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const Event = z.object({ reason: z.string(), note: z.string().default(""), regarding: z.object({ name: z.string() }) });

/** A row of the tables beside this file. */
export interface Behaviour {
  readonly id: string;
  /** The guarantee. */
  readonly name: string;
  readonly run: (it: Corner) => Promise<void>;
}

/** Where the sources of a behaviour are. */
export function homeOf(id: string): string {
  return `source-${id.toLowerCase()}`;
}

export class Corner {
  /** Of its objects, in whatever namespace. More than one begin with it. */
  readonly name: string;
  readonly home: string;
  readonly stage: Stage;
  readonly #admin: Admin;

  private constructor(id: string, stage: Stage) {
    this.name = id.toLowerCase();
    this.home = homeOf(id);
    this.stage = stage;
    this.#admin = stage.admin;
  }

  static async of(id: string, stage: Stage): Promise<Corner> {
    const corner = new Corner(id, stage);
    await stage.admin.namespace(corner.home);
    return corner;
  }

  /** A namespace of this behaviour alone, that matches the prefix. */
  async target(): Promise<string> {
    const name = `team-up-${this.name}`;
    await this.#admin.namespace(name);
    return name;
  }

  /** A ConfigMap that asks to be copied. */
  async source(content: Content = CONTENT, { labels, annotations }: Marks = {}, name = this.name): Promise<void> {
    await this.create(
      this.home,
      content,
      { labels: { mirror: "true", ...labels }, ...(annotations && { annotations }) },
      name,
    );
  }

  async create(namespace: string, content: Content, marks: Marks = {}, name = this.name): Promise<void> {
    const made = { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace, ...marks }, ...content };
    await this.#admin.send("POST", pathOf(namespace), made);
  }

  /** @param patch a merge patch */
  async patch(namespace: string, patch: object, name = this.name): Promise<void> {
    await this.#admin.send("PATCH", `${pathOf(namespace)}/${name}`, patch);
  }

  async delete(namespace: string, name = this.name): Promise<void> {
    await this.#admin.send("DELETE", `${pathOf(namespace)}/${name}`, undefined, [404]);
  }

  async deleteNamespace(name: string): Promise<void> {
    await this.#admin.send("DELETE", `/api/v1/namespaces/${name}`);
  }

  async namespaceIsGone(name: string): Promise<void> {
    const isGone = async (): Promise<boolean> =>
      (await this.#admin.send("GET", `/api/v1/namespaces/${name}`, undefined, [404])) === undefined;
    await becomes(isGone, true);
  }

  async get(namespace: string, name = this.name): Promise<ConfigMap | undefined> {
    const found = await this.#admin.send("GET", `${pathOf(namespace)}/${name}`, undefined, [404]);
    return found === undefined ? undefined : ConfigMap.parse(found);
  }

  /** By namespace. Ours are those that carry the mark and name themselves. */
  async copies(name = this.name): Promise<ReadonlyMap<string, ConfigMap>> {
    const items = await this.#admin.items(`/api/v1/configmaps?fieldSelector=metadata.name%3D${name}`);
    const ours = items.map((item) => ConfigMap.parse(item)).filter(isOurs);
    return new Map(ours.map((each) => [each.metadata.namespace, each]));
  }

  /** Waits until each of these namespaces has its copy with exactly this content. */
  async copied(content: Content = CONTENT, name = this.name, targets = this.targets): Promise<void> {
    const wanted = targets.map(() => contentOf(content));
    const seen = async (): Promise<unknown> => {
      const copies = await this.copies(name);
      return targets.map((target) => contentOf(copies.get(target)));
    };
    await becomes(seen, wanted);
  }

  /** Those that every behaviour finds, as the configuration is now. */
  get targets(): readonly string[] {
    const { prefixes } = this.stage.config;
    return [UP_A, UP_B, OLD, NEW].filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
  }

  /** Waits until no namespace has a copy. */
  async uncopied(name = this.name): Promise<void> {
    await becomes(async () => [...(await this.copies(name)).keys()], []);
  }

  /** Waits until the source has one Event for this reason, and holds that there is no second. */
  async told(reason: string, wanted: RegExp, name = this.name, namespace = this.home): Promise<void> {
    let notes: readonly string[] = [];
    const ask = async (): Promise<number> => (notes = await this.notes(reason, name, namespace)).length;
    await becomes(ask, 1);
    assert.match(notes.join("\n"), wanted);
  }

  /** What Events say about a source. */
  async notes(reason: string, name = this.name, namespace = this.home): Promise<readonly string[]> {
    const items = await this.#admin.items(`/apis/events.k8s.io/v1/namespaces/${namespace}/events`);
    const events = items.map((item) => Event.parse(item));
    return events.flatMap((it) => (it.reason === reason && it.regarding.name === name ? [it.note] : []));
  }

  /**
   * What the host wrote, or tried to, under a name that begins with that of the behaviour, in order. Namespaces that other
   * behaviours make come and go, and get their copies too: those are left out.
   */
  async writes(name = this.name): Promise<readonly AuditRow[]> {
    const rows = await writesOfAccount(this.stage.auditLog);
    const own = new Set([UP_A, UP_B, `team-up-${this.name}`]);
    const isOwn = (namespace: string): boolean => !namespace.startsWith("team-up-") || own.has(namespace);
    return rows.filter((row) => row.resource === "configmaps" && row.name.startsWith(name) && isOwn(row.namespace));
  }

  /**
   * Holds the host to no write here, nor to a refused one, for `act` and what follows from it: a source that is made
   * later has its copies by then.
   */
  async costsNoWrite(act: () => Promise<void>, name = this.name): Promise<void> {
    const before = await this.writes(name);
    await act();
    const later = `after-${this.name}`;
    await this.source(CONTENT, {}, later);
    await this.copied(CONTENT, later);
    await delay(QUIET_MS);
    assert.deepEqual((await this.writes(name)).slice(before.length).map(formatRow), []);
  }
}

/** Every write that the host asked for, whatever the answer; its Lease left out. */
export async function writesOfAccount(auditLog: string): Promise<readonly AuditRow[]> {
  return (await requestsOfAccount(auditLog)).filter(
    ({ verb, resource, name }) => !["get", "list", "watch"].includes(verb) && resource !== "leases" && name !== "probe",
  );
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${namespace}/configmaps`;
}

function isOurs({ metadata: { name, namespace, labels, annotations } }: ConfigMap): boolean {
  const isMarked = labels["evenkeel.dev/function"] === "mirror";
  return isMarked && annotations["evenkeel.dev/self"] === `ConfigMap/${namespace}/${name}`;
}

function contentOf(content: Content | undefined): Content | undefined {
  if (content === undefined) return undefined;
  const { data, binaryData, immutable } = content;
  return { data, binaryData, immutable };
}
