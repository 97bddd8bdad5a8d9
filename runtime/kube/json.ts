/** Narrowing of what arrived as JSON: nothing the server sends is trusted to have its shape. */

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Whether it is a JSON object: null and arrays are none. */
export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether it has fields to ask for: an array has as well, and what came from elsewhere than JSON. */
export function isAnyObject(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null;
}

/** `value` as a JSON object, or undefined when it is anything else (null and arrays too). */
export function recordOf(value: unknown): JsonRecord | undefined {
  return isRecord(value) ? value : undefined;
}

/** `value` when it is a string with something in it. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** The JSON objects in `value`, when it is an array; others in it are left out. */
export function recordsOf(value: unknown): readonly JsonRecord[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The strings in `value`, when it is an array. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/**
 * JSON.parse without its error: that quotes the text it failed on, which may be the data of a Secret.
 * @returns undefined when `text` is not JSON.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A field of the record itself, whose name somebody else chose: a label may be called `constructor`. What is inherited does not count. */
export function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined;
export function own(record: object, name: string): unknown;
export function own(record: object, name: string): unknown {
  return Object.hasOwn(record, name) ? (record as JsonRecord)[name] : undefined;
}

/** Sets a field whose name somebody else chose: `__proto__` is nothing special, as JSON.parse has it. */
export function setField(record: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__") {
    Object.defineProperty(record, name, { value, enumerable: true, configurable: true, writable: true });
  } else record[name] = value;
}
