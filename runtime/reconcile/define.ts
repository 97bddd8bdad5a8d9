/** What a file in `functions/` holds: one pure function, and the declaration of what it watches, reads and writes. */
import { both, isExact } from "../cache/conjunction.ts";
import { kindFault, queryFault, whereFault } from "../cache/read-arguments.ts";
import type { CacheReader } from "../cache/reader.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { asQuery, withWhere, type Query, type Where } from "../kube/query.ts";
import { isAnyObject } from "../kube/json.ts";
import { isSameKind, type Kind } from "../kube/kind.ts";
import type { KubeObject, StoredObject } from "../kube/object.ts";
import type { Effects } from "./effects.ts";
import { notPlain } from "./plain-data.ts";
import { describeIssues, type Issue, type Schema } from "./schema.ts";

/** A part of a kind that is written on its own: `status(Widget)`, `scale(Deployment)`. */
export interface Subresource<T extends KubeObject = KubeObject> {
  readonly of: Kind<T>;
  readonly subresource: "status" | "scale";
}

/** In `writes`: the status of the objects that the function watches. */
export const status = <T extends KubeObject>(of: Kind<T>): Subresource<T> => ({ of, subresource: "status" });
/** In `writes`: the replicas of objects of this kind. */
export const scale = <T extends KubeObject>(of: Kind<T>): Subresource<T> => ({ of, subresource: "scale" });

/** Objects of a kind that somebody else owns, of which the function sets some fields: `fields(Deployment)`. */
interface Fields<T extends KubeObject = KubeObject> {
  readonly fieldsOf: Kind<T>;
}

/** In `writes`: fields of objects of this kind that somebody else owns; what the effect `apply` may name. */
export const fields = <T extends KubeObject>(of: Kind<T>): Fields<T> => ({ fieldsOf: of });

/** What the host gives to a run beside the object and the cache. Deeply frozen. */
export interface Context<C = unknown> {
  /** The function's section of the configuration, validated. */
  readonly config: C;
  /** Milliseconds since the Unix epoch: the only clock a function has. One value for the whole run. */
  readonly now: number;
  /** The last `memo` of a run of this key for this object; undefined at first, after a restart and in a new version. */
  readonly memo: unknown;
}

/** One entry of `writes`. */
type Writable = Kind | Subresource | Fields;

/** The objects that may be children, when these are the `writes`. */
type Written<W extends readonly Writable[]> = ObjectOf<Exclude<W[number], Subresource | Fields>>;

/** The objects whose fields may be applied. */
type AppliedTo<W extends readonly Writable[]> = ObjectOf<Extract<W[number], Fields>["fieldsOf"]>;

type ObjectOf<K extends Kind> = K extends Kind<infer T> ? T : never;

export interface FunctionDefinition<
  P extends KubeObject = KubeObject,
  W extends readonly Writable[] = readonly Writable[],
  C = unknown,
> {
  /** The keys that reach the function: one run per object of this kind, narrowed by `where`. */
  readonly watches: Kind<P> | Query<P>;
  readonly where?: Where;
  /**
   * What the cache holds for the function, beside what it watches: whole objects, or with `metadataOf(KIND)` their metadata
   * alone. A read of anything else is refused.
   */
  readonly reads?: readonly (Kind | Query)[];
  /** What its effects may touch: kinds of which it has children, `status(KIND)`, `scale(KIND)`, `fields(KIND)`. */
  readonly writes?: W;
  /** Any Standard Schema, for example zod's. Without one the function takes no configuration. */
  readonly config?: Schema<C>;
  /** Pure and synchronous: the same inputs give the same effects. Throwing keeps everything as it is and is retried. */
  readonly reconcile: Reconcile<P, W, C>;
}

/** Conditional, though the condition always holds: so the compiler knows `writes` when it reads a literal in what is returned. */
type Reconcile<P extends KubeObject, W extends readonly Writable[], C> = W extends readonly Writable[]
  ? (object: P & StoredObject, cache: CacheReader, context: Context<C>) => Effects<Written<W>, AppliedTo<W>>
  : never;

/**
 * What a function may write that declares no `writes`: no object is of this kind. Not `never`: where a function has no
 * parameters the compiler begins with this, and beside texts it takes texts for literals. They are what it says of a child.
 */
interface Nothing extends KubeObject {
  readonly apiVersion: "no kind: `writes` is absent";
  readonly kind: "no kind: `writes` is absent";
}

/** A definition that was checked, with its defaults filled in. `defineFunction` alone makes one. */
export interface DefinedFunction {
  readonly watches: Query;
  readonly reads: readonly Query[];
  readonly writes: readonly Kind[];
  /** Kinds to whose objects it applies fields. */
  readonly applies: readonly Kind[];
  readonly subresources: readonly Subresource[];
  readonly config: Schema<unknown> | undefined;
  readonly reconcile: (object: StoredObject, cache: CacheReader, context: Context) => unknown;
}

/** Marks the values that defineFunction made, across reloads of a file. */
const DEFINED = Symbol.for("evenkeel.function");

/**
 * Declares the function of one file: `export default defineFunction({ … })`.
 * @throws EvenkeelError FUNCTION_INVALID naming the field.
 */
export function defineFunction<
  P extends KubeObject,
  const W extends readonly Writable[] = readonly [Kind<Nothing>, Fields<Nothing>],
  C = undefined,
>(definition: FunctionDefinition<P, W, C>): DefinedFunction {
  if (!isAnyObject(definition)) refuse("it takes one object, { watches, reconcile, … }");
  for (const field of Object.keys(definition)) if (!KNOWN.has(field)) refuse(`${field} is not a field of it`);
  if (typeof definition.reconcile !== "function") refuse("reconcile must be a function");
  checkSchema(definition.config);
  const watches = queryOf(definition.watches, "watches");
  const reads = list(definition.reads, "reads").map((of) => queryOf(of, "reads"));
  const writes = list<Writable>(definition.writes, "writes");
  const subresources = writes.flatMap((of) => (isSubresource(of) ? [checkedSubresource(of)] : []));
  const applies = writes.flatMap((of) => (isFields(of) ? [kindOf(of.fieldsOf, "writes")] : []));
  for (const part of subresources) checkComparable(part, watches, reads);
  for (const of of applies) checkSeen(of, [watches, ...reads]);
  return Object.freeze({
    [DEFINED]: true,
    watches: narrowed(watches, definition.where),
    reads,
    writes: writes.flatMap((of) => (isSubresource(of) || isFields(of) ? [] : [kindOf(of, "writes")])),
    applies,
    subresources,
    config: definition.config,
    reconcile: definition.reconcile as unknown as DefinedFunction["reconcile"],
  });
}

export function isDefined(value: unknown): value is DefinedFunction {
  return typeof value === "object" && value !== null && DEFINED in value;
}

/** The value, or what is wrong: each issue with its path below the function's section. */
export type ConfigReading = { readonly config: unknown } | { readonly issues: readonly Issue[] };

/** The function's configuration, checked against its schema. Never throws. */
export function readConfig({ config: schema }: DefinedFunction, value: unknown): ConfigReading {
  if (schema === undefined) {
    const isEmpty = value === undefined || value === null;
    return isEmpty ? { config: undefined } : { issues: [{ path: [], message: "the function takes no configuration" }] };
  }
  try {
    const result = schema["~standard"].validate(value ?? {});
    if (result instanceof Promise) return refused("the function's schema is asynchronous; make it synchronous");
    if (result.issues !== undefined) return { issues: describeIssues(result.issues) };
    const impure = notPlain(result.value);
    return impure === undefined
      ? { config: result.value }
      : refused(`the function's schema makes of it what is no plain data: ${impure}`);
  } catch (error) {
    return refused(`the function's schema threw ${Error.isError(error) ? error.name : "something that is no Error"}`);
  }
}

const refused = (message: string): ConfigReading => ({ issues: [{ path: [], message }] });

const KNOWN: ReadonlySet<string> = new Set(["watches", "where", "reads", "writes", "config", "reconcile"]);

function list<T>(value: readonly T[] | undefined, field: string): readonly T[] {
  if (value !== undefined && !Array.isArray(value)) refuse(`${field} must be a list`);
  return value ?? [];
}

function queryOf(of: Kind | Query, field: string): Query {
  refuseFault(field, queryFault(of));
  return asQuery(of);
}

function narrowed(query: Query, more: Where | undefined): Query {
  if (more === undefined) return query;
  refuseFault("where", whereFault(more));
  if (!isExact(query.where, more))
    refuse("where and watches name one label, one with notIn, one with exists: decide that in reconcile");
  return withWhere(query, both(query.where, more));
}

function kindOf(of: Kind, field: string): Kind {
  refuseFault(field, kindFault(of));
  return of;
}

function isSubresource(of: Writable): of is Subresource {
  return isAnyObject(of) && "subresource" in of;
}

function isFields(of: Writable): of is Fields {
  return isAnyObject(of) && "fieldsOf" in of;
}

function checkedSubresource({ of, subresource }: Subresource): Subresource {
  if (subresource !== "status" && subresource !== "scale") refuse("writes knows no subresource but status and scale");
  return { of: kindOf(of, "writes"), subresource };
}

/** What is wished for is compared with what is there: without it, the same write would be sent at every run. */
function checkComparable({ of, subresource }: Subresource, watches: Query, reads: readonly Query[]): void {
  const declared = subresource === "status" ? [watches] : [watches, ...reads];
  const ofKind = declared.filter(({ kind }) => isSameKind(kind, of));
  if (ofKind.length === 0 || ofKind.some(({ part }) => part === undefined)) return;
  const field = subresource === "status" ? "watches" : "reads";
  refuse(`writes has ${subresource}(${of.kind}): declare ${of.kind} whole in ${field}, not its metadata alone`);
}

/** Fields are applied to what is there, and only where they differ: it has to be seen, and not its metadata alone. */
function checkSeen(of: Kind, declared: readonly Query[]): void {
  if (declared.some(({ kind, part }) => part === undefined && isSameKind(kind, of))) return;
  refuse(`writes has fields(${of.kind}): declare ${of.kind} whole in reads`);
}

function checkSchema(schema: unknown): void {
  const standard = (schema as Partial<Schema<unknown>> | null | undefined)?.["~standard"];
  if (schema !== undefined && typeof standard?.validate !== "function")
    refuse("config must be a schema, such as z.object({ … })");
}

function refuseFault(field: string, fault: string | undefined): void {
  if (fault !== undefined) refuse(`${field} ${fault}`);
}

function refuse(what: string): never {
  throw new EvenkeelError("FUNCTION_INVALID", `defineFunction: ${what}`);
}
