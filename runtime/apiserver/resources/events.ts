/** Events: one set of stored objects, served as core/v1 and as events.k8s.io/v1 with other field names. */
import { type ApiObject, type Json, at, isObject, without } from "../object.ts";
import type { Schema } from "../schema.ts";
import { type FieldError, field } from "../status.ts";
import { NAME, age, column, number, text } from "./columns.ts";
import { type Resource, resource } from "./resource.ts";
import { struct } from "./types.ts";

/** Source: kube-apiserver --event-ttl. */
const EVENT_TTL_MS = 60 * 60_000;

const string: Schema = { type: "string" };
const time: Schema = { type: "string", format: "date-time" };
const microTime: Schema = { type: "string", format: "micro-time" };
const count: Schema = { type: "integer", format: "int32" };
const reference = struct("ObjectReference");
const source: Schema = { type: "object", properties: { component: string, host: string } };

/** Fields with one name in both versions. */
const COMMON: Readonly<Record<string, Schema>> = {
  action: string,
  eventTime: microTime,
  reason: string,
  related: reference,
  reportingInstance: string,
  series: { type: "object", properties: { count, lastObservedTime: microTime } },
  type: string,
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

function renamed(object: ApiObject, apiVersion: string, names: Readonly<Record<string, string>>): ApiObject {
  const fields = Object.entries(without(object, "apiVersion", "kind", "metadata"));
  const entries: (readonly [string, Json | undefined])[] = fields.map(([name, value]) => [names[name] ?? name, value]);
  return { apiVersion, kind: "Event", metadata: object.metadata, ...Object.fromEntries(entries) };
}

const TO_CORE = Object.fromEntries(Object.entries(RENAMED).map(([core, modern]) => [modern, core]));

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
  if (!modern) return errors;
  for (const name of ["reportingComponent", "reportingInstance", "action", "reason"])
    if (text(object[name]) === "")
      errors.push(field.required(name === "reportingComponent" ? "reportingController" : name));
  if (Buffer.byteLength(text(object["message"])) > 1024)
    errors.push(field.invalid("message", "", "can have at most 1024 characters"));
  return errors;
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
  ttlMs: EVENT_TTL_MS,
  description: "Event is a report of an event somewhere in the cluster.",
  fields: {
    ...COMMON,
    involvedObject: { ...reference, default: {} },
    message: string,
    source: { ...source, default: {} },
    firstTimestamp: time,
    lastTimestamp: time,
    count,
    reportingComponent: string,
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
    note: string,
    deprecatedSource: source,
    deprecatedFirstTimestamp: time,
    deprecatedLastTimestamp: time,
    deprecatedCount: count,
    reportingController: string,
  },
  columns: events.columns,
  selectableFields: {
    ...involvedFields("regarding"),
    reason: (object) => text(object["reason"]),
    reportingController: (object) => text(object["reportingComponent"]),
    type: (object) => text(object["type"]),
  },
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
    fromStored: (object) => renamed(object, "events.k8s.io/v1", RENAMED),
  },
});

export const EVENTS: readonly Resource[] = [events, modernEvents];
