/**
 * Who owns which field: reads and writes metadata.managedFields, and decides what an update or an apply does to it.
 * Source: structured-merge-diff merge/update.go and apimachinery pkg/util/managedfields.
 */
import {
  type ApiObject,
  type Json,
  type JsonObject,
  type ManagedFieldsEntry,
  equal,
  isObject,
  withMetadata,
} from "../object.ts";
import type { Schema } from "../schema.ts";
import { applyConflict } from "../status.ts";
import {
  EMPTY,
  type FieldSet,
  difference,
  fieldSetOf,
  fromJson,
  intersection,
  isEmpty,
  paths,
  toJson,
  union,
} from "./field-set.ts";
import { appliedByClient, withLastApplied } from "./last-applied.ts";
import { type Comparison, changedFields, compare, fieldsNamedBy, merged, pruned } from "./structure.ts";

/** One owner. An Apply and an Update by the same name are two owners. */
interface Owner {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
}

export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  /** `status`, `scale`, or empty. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly time: string;
}

/** Fields that nobody owns: the server writes them, or they say which object this is. */
const UNOWNED = fieldSetOf([
  ["f:apiVersion"],
  ["f:kind"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => ["f:metadata", `f:${name}`]),
]);

/**
 * The managedFields of `after`, with `writer` as the owner of what it changed. `before` is absent on create. Where nobody
 * owns anything of an object that exists, ownership begins with its first apply: see there.
 */
export function afterUpdate(
  schema: Schema,
  before: ApiObject | undefined,
  after: ApiObject,
  writer: Writer,
): readonly ManagedFieldsEntry[] {
  const owners = ownersBefore(before, after, writer);
  if (before !== undefined && owners.length === 0) return [];
  const self: Owner = { ...writer, operation: "Update", set: EMPTY };
  const comparison =
    before === undefined
      ? compare(schema, undefined, nonZero(plain(after)))
      : compare(schema, plain(before), plain(after));
  const taken = difference(changedFields(comparison), UNOWNED);
  const left = losing(owners, comparison);
  if (isEmpty(taken)) return entries(left);
  const previous = left.find((owner) => isSame(owner, self));
  const set = union(previous?.set ?? EMPTY, taken);
  return entries(capped([...left.filter((owner) => owner !== previous), { ...self, set }]));
}

/** Owners by Update that are kept apart; the oldest of more become one. Source: managedfields capmanagers.go. */
const MAX_UPDATERS = 10;
const ANCIENT = "ancient-changes";

function capped(owners: readonly Owner[]): readonly Owner[] {
  const updaters = owners.filter(({ operation }) => operation === "Update").toSorted(byTime);
  const firsts = new Map<string, Owner>();
  let kept = owners;
  for (const owner of updaters) {
    if (kept.length <= owners.length - updaters.length + MAX_UPDATERS) break;
    if (owner.manager === ANCIENT) continue;
    const { apiVersion } = owner;
    const bucket =
      kept.find((one) => one.manager === ANCIENT && one.apiVersion === apiVersion) ?? firsts.get(apiVersion);
    if (bucket === undefined) {
      firsts.set(apiVersion, owner);
      continue;
    }
    const grown = { ...bucket, manager: ANCIENT, subresource: "", time: owner.time, set: union(bucket.set, owner.set) };
    kept = [...kept.filter((one) => one !== bucket && one !== owner), grown];
  }
  return kept;
}

/** Clients may rewrite managedFields, and reset them with one empty entry, but not through a subresource. */
function ownersBefore(before: ApiObject | undefined, after: ApiObject, writer: Writer): readonly Owner[] {
  const stored = read(before?.metadata.managedFields);
  if (writer.subresource !== "") return stored;
  const given = after.metadata.managedFields;
  if (given?.length === 1 && given[0] !== undefined && Object.keys(given[0]).length === 0) return [];
  const rewritten = read(given);
  return rewritten.length > 0 ? rewritten : stored;
}

interface Applied {
  readonly object: JsonObject;
  readonly managedFields: readonly ManagedFieldsEntry[];
}

/**
 * Server-side apply: `config` laid over `live`, without the fields that this manager applied before and does not name
 * any more. Conflicts are refused unless `force`.
 * @throws ApiError 409 Conflict with one FieldManagerConflict cause per field that another manager owns.
 */
export function afterApply(
  schema: Schema,
  live: ApiObject,
  config: JsonObject,
  writer: Writer,
  { force }: { readonly force: boolean },
): Applied {
  const owners = ownersOf(schema, live, writer);
  const named = fieldsNamedBy(schema, config);
  const self: Owner = { ...writer, operation: "Apply", set: difference(named, UNOWNED) };
  const previous = owners.find((owner) => isSame(owner, self));
  const others = owners.filter((owner) => owner !== previous);

  const owned = others.reduce((all, owner) => union(all, owner.set), named);
  const dropped = difference(previous?.set ?? EMPTY, owned);
  const laidOver = merged(schema, plain(live), config);
  const result = pruned(schema, laidOver, dropped, owned);
  const object = isObject(result) ? result : {};

  const comparison = compare(schema, plain(live), object);
  const conceded = appliedByClient(schema, plain(live), writer.manager);
  if (!force) refuseConflicts(others, difference(changedFields(comparison), conceded));
  const unchanged = previous !== undefined && isSameSet(previous.set, self.set) && equal(plain(live), object);
  return {
    object: withLastApplied(object, config, writer.manager),
    managedFields: entries([...losing(others, comparison), unchanged ? previous : self]),
  };
}

/** Before the first apply somebody else wrote what is there, though nobody kept a record: none of it is taken silently. */
function ownersOf(schema: Schema, live: ApiObject, writer: Writer): readonly Owner[] {
  const stored = read(live.metadata.managedFields);
  if (stored.length > 0) return stored;
  return read(afterUpdate(schema, undefined, live, { ...writer, manager: "before-first-apply" }));
}

/** Whether two lists of entries differ in more than their times: a write that changes only times is no write. */
export function sameOwnership(a: readonly ManagedFieldsEntry[] = [], b: readonly ManagedFieldsEntry[] = []): boolean {
  return equal(timeless(a), timeless(b));
}

function timeless(entries: readonly ManagedFieldsEntry[]): Json {
  return entries.map((entry) => JSON.stringify(Object.entries({ ...entry, time: "" }).toSorted(byName))).toSorted();
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function refuseConflicts(others: readonly Owner[], changed: FieldSet): void {
  const conflicts = others
    .map((owner) => ({ owner, fields: paths(intersection(owner.set, changed)) }))
    .filter(({ fields }) => fields.length > 0);
  const count = conflicts.reduce((sum, { fields }) => sum + fields.length, 0);
  if (count === 0) return;
  const causes = conflicts.flatMap(({ owner, fields }) =>
    fields.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${describe(owner)}`, field })),
  );
  const [only] = causes;
  const message =
    count === 1 && only !== undefined
      ? `Apply failed with 1 conflict: ${only.message}: ${only.field}`
      : `Apply failed with ${count} conflicts: ${conflicts.map(listed).join("\n")}`;
  throw applyConflict(message, causes);
}

function listed({ owner, fields }: { readonly owner: Owner; readonly fields: readonly string[] }): string {
  return [`conflicts with ${describe(owner)}:`, ...fields.map((field) => `- ${field}`)].join("\n");
}

function describe({ manager, operation, apiVersion, subresource }: Owner): string {
  const through = subresource === "" ? "" : ` with subresource "${subresource}"`;
  return `"${manager}"${through}${operation === "Update" ? ` using ${apiVersion}` : ""}`;
}

/** Owners without the fields that somebody else has now changed or that are gone; who owns nothing is no owner. */
function losing(owners: readonly Owner[], comparison: Comparison): readonly Owner[] {
  const lost = union(changedFields(comparison), comparison.removed);
  return owners.map((owner) => ({ ...owner, set: difference(owner.set, lost) })).filter((owner) => !isEmpty(owner.set));
}

function isSame(a: Owner, b: Owner): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.subresource === b.subresource &&
    // An applier keeps its fields when it moves to another version of the API.
    (a.operation === "Apply" || a.apiVersion === b.apiVersion)
  );
}

function isSameSet(a: FieldSet, b: FieldSet): boolean {
  return equal(toJson(a), toJson(b));
}

function plain(object: ApiObject): ApiObject {
  return withMetadata(object, { managedFields: undefined });
}

/** What an empty object of Go shows as well is nothing that its creator has given. */
function nonZero(object: ApiObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null && value !== ""));
}

/** @returns nothing when any entry is not understood: then nobody owns anything, as in the real server. */
function read(managedFields: readonly ManagedFieldsEntry[] = []): readonly Owner[] {
  const owners: Owner[] = [];
  for (const { manager, operation, apiVersion, subresource = "", time, fieldsV1 } of managedFields) {
    const set = fromJson(fieldsV1);
    if (set === undefined || (operation !== "Apply" && operation !== "Update")) return [];
    owners.push({ manager, operation, apiVersion, subresource, time, set });
  }
  return owners;
}

/** Appliers first, then by time, then by name. Source: managedfields.go sortEncodedManagedFields. */
function entries(owners: readonly Owner[]): readonly ManagedFieldsEntry[] {
  return owners
    .filter(({ set }) => !isEmpty(set))
    .toSorted(byTime)
    .map(entry);
}

function byTime(a: Owner, b: Owner): number {
  return compareText(sortKey(a), sortKey(b));
}

function entry({ manager, operation, apiVersion, subresource, time, set }: Owner): ManagedFieldsEntry {
  return {
    manager,
    operation,
    apiVersion,
    ...(time === undefined ? {} : { time }),
    fieldsType: "FieldsV1",
    fieldsV1: toJson(set),
    ...(subresource === "" ? {} : { subresource }),
  };
}

function sortKey({ operation, time = "", manager, apiVersion, subresource }: Owner): string {
  return [operation, time, manager, apiVersion, subresource].join("\0");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
