/**
 * Schemas in the notation of the Go structs that they describe, each with its fields:
 *
 *   Container: env []EnvVar by name, image string, name string!, livenessProbe *Probe, resources ResourceRequirements
 *
 *   string bool int32 int64 Quantity IntOrString Time MicroTime any   leaves; `any` is kept as it comes
 *   *T                a zero is a value; of the other leaves it means that there is none, unless they end in !
 *   []T               a list that is one value; `by a,b`: merged item by item, by these keys; `set`: by value;
 *                     `keyed a,b`: owned item by item, and replaced whole by a strategic merge
 *   map T             from names to T
 *   atomic            after the name of a struct, or before a type: owned and merged whole
 *   retainKeys        merged so that a patch can drop what it does not name
 *   #7                its number in protobuf; #1.7 in the message that is field 1, which Go embeds
 *   = 3               the default, in JSON
 */
import type { Json } from "./object.ts";
import { OPAQUE, type Schema } from "./schema.ts";

const LEAVES: Readonly<Record<string, Schema>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  Quantity: { format: "quantity" },
  IntOrString: { "x-kubernetes-int-or-string": true },
  Time: { type: "string", format: "date-time" },
  MicroTime: { type: "string", format: "micro-time" },
  any: OPAQUE,
};

const FIELD =
  /^(?<name>\w+) (?<atomic>atomic )?(?<pointer>\*)?(?<list>\[\])?(?<map>map )?(?<type>\w+)(?<always>!)?(?: (?<how>by|keyed) (?<keys>[\w,]+))?(?<set> set)?(?<retain> retainKeys)?(?: #(?<number>[\d.]+))?(?: = (?<initial>.+))?$/;

/**
 * @param others structs that are described elsewhere.
 * @returns the schema of a struct by its name. It throws for a name that is nowhere, and for a field that is none: the
 * text is part of the program.
 */
export function structs(text: string, others: Readonly<Record<string, Schema>>): (name: string) => Schema {
  const schemas = new Map(Object.entries({ ...LEAVES, ...others }));
  const sources = new Map(
    text
      .trim()
      .split(/\n(?! )/)
      .map(source),
  );
  const schemaOf = (name: string): Schema => {
    const known = schemas.get(name);
    if (known !== undefined) return known;
    const { fields, isAtomic } = sources.get(name) ?? unknown(name);
    const properties = Object.fromEntries(fields.map((field) => property(field, schemaOf)));
    const schema: Schema = { type: "object", properties, ...(isAtomic ? ATOMIC : {}) };
    schemas.set(name, schema);
    return schema;
  };
  return schemaOf;
}

interface Source {
  readonly isAtomic: boolean;
  readonly fields: readonly string[];
}

const ATOMIC: Schema = { "x-kubernetes-map-type": "atomic" };

function source(paragraph: string): readonly [string, Source] {
  const [head = "", body = ""] = paragraph.split(/:\s+/, 2);
  const [name = "", atomic] = head.split(" ");
  return [name, { isAtomic: atomic !== undefined, fields: body.split(/,\s+/) }];
}

function unknown(what: string): never {
  throw new Error(`the structs have no ${what}`);
}

type Parts = Readonly<Record<string, string | undefined>>;

function property(field: string, schemaOf: (type: string) => Schema): readonly [string, Schema] {
  const parts: Parts = FIELD.exec(field)?.groups ?? unknown(field);
  const { name = "", type = "", atomic, retain, keys, number, initial } = parts;
  const leaf = schemaOf(type);
  const initially: Json | undefined = initial === undefined ? undefined : JSON.parse(initial);
  return [
    name,
    {
      ...composite(leaf, parts),
      ...(atomic === undefined ? {} : ATOMIC),
      ...(retain === undefined
        ? {}
        : { "x-kubernetes-patch-strategy": keys === undefined ? "retainKeys" : "merge,retainKeys" }),
      ...(initially === undefined ? {} : { default: initially }),
      ...(number === undefined ? {} : { "x-evenkeel-field": number }),
      ...(isOmittedAtZero(leaf, parts) ? { "x-evenkeel-omit-zero": true } : {}),
    },
  ];
}

function isOmittedAtZero({ type, format }: Schema, { pointer, list, map, always }: Parts): boolean {
  const isScalar = type === "boolean" || type === "integer" || (type === "string" && format === undefined);
  return isScalar && [pointer, list, map, always].every((part) => part === undefined);
}

function composite(schema: Schema, { list, map, set, how, keys }: Parts): Schema {
  if (map !== undefined) return { type: "object", additionalProperties: schema };
  if (list === undefined) return schema;
  const items: Schema = { type: "array", items: schema };
  if (keys === undefined) return { ...items, "x-kubernetes-list-type": set === undefined ? "atomic" : "set" };
  const [mergeKey = "", ...more] = keys.split(",");
  return {
    ...items,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": [mergeKey, ...more],
    ...(how === "by" ? { "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": mergeKey } : {}),
  };
}
