/**
 * `#evenkeel/testing`: one run of a function in a world that its author describes, without a cluster, a host or a thread.
 * What the function reads and what it returns is checked as the host checks it.
 */
import { answerFrom } from "../cache/answer.ts";
import { metadataAlone } from "../cache/content.ts";
import { Store } from "../cache/store.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { describe, isSameKind, type Kind, type UntypedObject } from "../kube/kind.ts";
import type { KubeObject, StoredObject } from "../kube/object.ts";
import { formatQuery, matches, type Query } from "../kube/query.ts";
import { readConfig, type DefinedFunction } from "./define.ts";
import type { Effects } from "./effects.ts";
import { stamp } from "./provenance.ts";
import { runTwice } from "./run.ts";

export interface World {
  /** What the function is called for. What only a server sets (uid, resourceVersion, creationTimestamp) may be left out. */
  readonly object: KubeObject;
  /** What else there is. */
  readonly others?: readonly KubeObject[];
  /** What there was, as `cache.departed` gives it. */
  readonly departed?: readonly KubeObject[];
  /** The function's section of evenkeel.yaml. */
  readonly config?: unknown;
  /** Milliseconds since the Unix epoch. @default 0 */
  readonly now?: number;
  /** What the last run returned as `memo`. */
  readonly memo?: unknown;
}

/**
 * What the function wants done in that world. It runs twice, to show that the same inputs give the same effects.
 * @throws EvenkeelError as the host would report it, TerminalError what the function threw
 */
export function effectsOf(
  definition: DefinedFunction,
  { object, others = [], departed = [], config, now = 0, memo }: World,
): Effects<UntypedObject> {
  const { watches, reads } = definition;
  const source = stored(object);
  if (!isMeant(source, watches)) {
    throw new EvenkeelError("FUNCTION_INVALID", `it watches ${formatQuery(watches)}, which ${describe(object)} is not`);
  }
  const reading = readConfig(definition, config);
  if ("issues" in reading) {
    const issues = reading.issues.map(({ path, message }) => [...path.map(String), message].join(": "));
    throw new EvenkeelError("CONFIG_INVALID", issues.join("; "));
  }
  const all = [source, ...others.map(stored)];
  const isNamespaced = (kind: Kind): boolean | undefined => {
    const known = all.find((other) => isSameKind(other, kind));
    return known && known.metadata.namespace !== undefined;
  };
  const run = runTwice(
    // As it comes out of a cell: what a schema has frozen, it has frozen at its root alone.
    { name: "the function", definition, config: structuredClone(reading.config), isNamespaced },
    {
      object: shown(source, watches),
      now,
      memo: structuredClone(memo),
      answer: answerFrom([watches, ...reads].map((query) => storeOf(query, all, departed.map(stored)))),
    },
  );
  if (run.effects === undefined) throw run.error;
  return run.effects as Effects<UntypedObject>;
}

/** `child` as the host stores it when the function of that name makes it for `owner`. */
export function childOf<T extends KubeObject>(owner: KubeObject, functionName: string, child: T): T {
  return stamp(child, functionName, stored(owner));
}

function storeOf(query: Query, objects: readonly StoredObject[], departed: readonly StoredObject[]): Store {
  const store = new Store(query);
  const meant = (all: readonly StoredObject[]): readonly StoredObject[] =>
    all.filter((object) => isMeant(object, query)).map((object) => shown(object, query));
  store.replace(meant(departed), VERSION);
  store.replace(meant(objects), VERSION);
  return store;
}

function isMeant(object: StoredObject, { kind, where }: Query): boolean {
  return isSameKind(object, kind) && matches(where, object);
}

function shown(object: StoredObject, { part }: Query): StoredObject {
  return part === undefined ? object : metadataAlone(object);
}

const VERSION = "1";

/** A copy: the world is frozen, and what its author made of it stays as it is. */
function stored(object: KubeObject): StoredObject {
  const made = {
    uid: `uid of ${describe(object)}`,
    resourceVersion: VERSION,
    creationTimestamp: "2026-01-01T00:00:00Z",
  };
  const copy = structuredClone(object);
  return { ...copy, metadata: { ...made, ...copy.metadata } };
}
