/** Events: one set of stored objects, served as core/v1 and as events.k8s.io/v1 with other field names. */
import { type ApiObject, type Json, at, equal, isObject, without } from "../object.ts";
import { OPTIONAL_STRING, STRING, type Schema } from "../schema.ts";
import { type FieldError, field } from "../status.ts";
import { NAME, age, column, number, text } from "./columns.ts";
import { qualifiedNameFaults } from "./names.ts";
import { type Resource, resource } from "./resource.ts";
import { struct } from "./types.ts";

/** Source: kube-apiserver --event-ttl. */
const EVENT_TTL_MS = 60 * 60_000;

/** A time is shown even where there is none: as null. */
const time: Schema = { type: "string", format: "date-time", default: null };
const count: Schema = { type: "integer", format: "int32", "x-evenkeel-omit-zero": true };
const reference = struct("ObjectReference");
const source = struct("EventSource");

/** Fields with one name in both versions. */
const COMMON: Readonly<Record<string, Schema>> = {
  action: OPTIONAL_STRING,
  eventTime: { type: "string", format: "micro-time", default: null },
  reason: OPTIONAL_STRING,
  related: reference,
  reportingInstance: { ...STRING, default: "" },
  series: struct("EventSeries"),
  type: OPTIONAL_STRING,
};

/** core/v1 name → events.k8s.io/v1 name. */
const RENAMED: Readonly<Record<string, string>> = {
  involvedObject: "regarding",
  message: "note",
  source: "deprecatedSource",
  firstTimestamp: "deprecatedFirstTimestamp",
  lastTimestamp: "deprecatedLastTimestamp",
  count: "deprecatedCount",
  reportingComponent: "reportingController",
};

function renamed(
  object: ApiObject,
  apiVersion: string,
  names: Readonly<Record<string, string>>,
  left: readonly string[] = [],
): ApiObject {
  const fields = Object.entries(without(object, "apiVersion", "kind", "metadata", ...left));
  const entries: (readonly [string, Json | undefined])[] = fields.map(([name, value]) => [names[name] ?? name, value]);
  return { apiVersion, kind: "Event", metadata: object.metadata, ...Object.fromEntries(entries) };
}

const TO_CORE = Object.fromEntries(Object.entries(RENAMED).map(([core, modern]) => [modern, core]));

/** Source: core/validation legacyValidateEvent. */
function validate(object: ApiObject): readonly FieldError[] {
  const involved = text(at(object, "involvedObject", "namespace"));
  const { namespace } = object.metadata;
  const errors: FieldError[] = [];
  const modern = text(object["eventTime"]) !== "";
  const agrees =
    involved === ""
      ? namespace === "default" || (modern && namespace === "kube-system")
      : modern || involved === namespace;
  if (!agrees) errors.push(field.invalid("involvedObject.namespace", involved, "does not match event.namespace"));
  return modern ? [...errors, ...reporterErrors(object)] : errors;
}

/** Bytes that each may have; all but the message are required. */
const LIMITS = { reportingInstance: 128, action: 128, reason: 128, message: 1024 };

function reporterErrors(object: ApiObject): readonly FieldError[] {
  const reporter = text(object["reportingComponent"]);
  const errors = qualifiedNameFaults(reporter).map((fault) => field.invalid("reportingController", reporter, fault));
  if (reporter === "") errors.unshift(field.required("reportingController"));
  for (const [name, limit] of Object.entries(LIMITS)) {
    const value = text(object[name]);
    if (value === "" && name !== "message") errors.push(field.required(name));
    if (Buffer.byteLength(value) > limit) errors.push(field.invalid(name, "", `can have at most ${limit} characters`));
  }
  return errors;
}

/** What only the newer version asks for. Source: core/validation ValidateEventCreate and ValidateEventUpdate. */
function strictErrors(object: ApiObject, before: ApiObject | undefined): readonly FieldError[] {
  const errors = [...validate(object)];
  if (before === undefined || !equal(object["series"], before["series"])) errors.push(...seriesErrors(object));
  if (before !== undefined) {
    const fixed = FIXED.filter((name) => !equal(object[name], before[name]));
    return [...errors, ...fixed.map((name) => field.invalid(name, "", "field is immutable"))];
  }
  if (text(object["eventTime"]) === "") errors.push(field.required("eventTime"));
  const type = text(object["type"]);
  if (type !== "Normal" && type !== "Warning") errors.push(field.invalid("type", "", `has invalid value: ${type}`));
  const given = ["firstTimestamp", "lastTimestamp", "count"].filter((name) => (object[name] ?? null) !== null);
  if (!equal(object["source"], {})) given.push("source");
  return [...errors, ...given.map((name) => field.invalid(name, "", "needs to be unset"))];
}

const FIXED = [
  "involvedObject",
  "reason",
  "message",
  "source",
  "firstTimestamp",
  "lastTimestamp",
  "count",
  "type",
  "eventTime",
  "action",
  "related",
  "reportingComponent",
  "reportingInstance",
];

function seriesErrors(object: ApiObject): readonly FieldError[] {
  const { series } = object;
  if (series === undefined) return [];
  return [
    ...(number(at(series, "count")) < 2 ? [field.invalid("series.count", "", "should be at least 2")] : []),
    ...(text(at(series, "lastObservedTime")) === "" ? [field.required("series.lastObservedTime")] : []),
  ];
}

function lastSeen(object: ApiObject): Json | undefined {
  return (
    at(object, "series", "lastObservedTime") ??
    object["lastTimestamp"] ??
    object["firstTimestamp"] ??
    object["eventTime"]
  );
}

function sourceText(object: ApiObject): string {
  const component = text(at(object, "source", "component")) || text(object["reportingComponent"]);
  const host = text(at(object, "source", "host")) || text(object["reportingInstance"]);
  return host === "" ? component : `${component}, ${host}`;
}

function involvedName(object: ApiObject): string {
  const kind = text(at(object, "involvedObject", "kind")).toLowerCase();
  const name = text(at(object, "involvedObject", "name"));
  return name === "" ? kind : `${kind}/${name}`;
}

/** @param name of involvedObject in the version that is selected by. */
function involvedFields(name: string): Resource["selectableFields"] {
  const fields = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
  const select = fields.map((field) => (object: ApiObject) => text(at(object, "involvedObject", field)));
  return Object.fromEntries(select.map((value, i) => [`${name}.${fields[i]}`, value]));
}

/** Selectors and columns read the stored, core/v1 form. */
const events = resource({
  group: "",
  version: "v1",
  resource: "events",
  singular: "event",
  kind: "Event",
  shortNames: ["ev"],
  createOnUpdate: true,
  names: "segment",
  ttlMs: EVENT_TTL_MS,
  description: "Event is a report of an event somewhere in the cluster.",
  fields: {
    ...COMMON,
    involvedObject: { ...reference, default: {} },
    message: OPTIONAL_STRING,
    source: { ...source, default: {} },
    firstTimestamp: time,
    lastTimestamp: time,
    count,
    reportingComponent: { ...STRING, default: "" },
  },
  columns: [
    column("Last Seen", "The time at which the most recent occurrence of this event was recorded.", (object, now) =>
      age(lastSeen(object), now),
    ),
    column("Type", "Type of this event (Normal, Warning), new types could be added in the future", (object) =>
      text(object["type"]),
    ),
    column("Reason", "Why the object got into its current status.", (object) => text(object["reason"])),
    column("Object", "The object that this event is about.", involvedName),
    column(
      "Subobject",
      "The part of the object that this event is about.",
      (object) => text(at(object, "involvedObject", "fieldPath")),
      1,
    ),
    column("Source", "The component reporting this event.", sourceText, 1),
    column("Message", "A human-readable description of the status of this operation.", (object) =>
      text(object["message"]).trim(),
    ),
    column(
      "First Seen",
      "The time at which the event was first recorded.",
      (object, now) => age(object["firstTimestamp"] ?? object["eventTime"], now),
      1,
    ),
    column(
      "Count",
      "The number of times this event has occurred.",
      (object) => number(at(object, "series", "count")) || number(object["count"]) || 1,
      1,
    ),
    { ...NAME, priority: 1 },
  ],
  selectableFields: {
    ...involvedFields("involvedObject"),
    reason: (object) => text(object["reason"]),
    reportingComponent: (object) => text(object["reportingComponent"]),
    source: (object) => text(at(object, "source", "component")) || text(object["reportingComponent"]),
    type: (object) => text(object["type"]),
  },
  validate,
});

const modernEvents = resource({
  group: "events.k8s.io",
  version: "v1",
  resource: "events",
  singular: "event",
  kind: "Event",
  shortNames: ["ev"],
  createOnUpdate: true,
  storage: events.storage,
  description: "Event is a report of an event somewhere in the cluster.",
  fields: {
    ...COMMON,
    regarding: reference,
    note: OPTIONAL_STRING,
    deprecatedSource: source,
    deprecatedFirstTimestamp: time,
    deprecatedLastTimestamp: time,
    deprecatedCount: count,
    reportingController: STRING,
  },
  columns: events.columns,
  selectableFields: {
    ...involvedFields("regarding"),
    reason: (object) => text(object["reason"]),
    reportingController: (object) => text(object["reportingComponent"]),
    type: (object) => text(object["type"]),
  },
  validate: strictErrors,
  convert: {
    stored: events,
    toStored: (object) => {
      const core = renamed(object, "v1", TO_CORE);
      return {
        ...core,
        involvedObject: isObject(core["involvedObject"]) ? core["involvedObject"] : {},
        source: isObject(core["source"]) ? core["source"] : {},
      };
    },
    // An empty reporter, which the older version shows, is none here.
    fromStored: (object) => {
      const empty = ["reportingComponent", "reportingInstance"].filter((name) => object[name] === "");
      return renamed(object, "events.k8s.io/v1", RENAMED, empty);
    },
  },
});

export const EVENTS: readonly Resource[] = [events, modernEvents];
