import { MAX_LEVELS } from "../../cache/freeze.ts";

/**
 * How much memory plain data takes, roughly and quickly: a field some 16 bytes, a character one, as most of them are ASCII.
 * Whatever is sent to a thread is weighed: 0.4 µs for a ConfigMap, and 1.1 with `for … in` in the place of `Object.keys`.
 * @returns Infinity for what nests deeper than a function is given, or without end
 */
export function sizeOf(value: unknown, level = 1): number {
  if (typeof value === "string") return 16 + value.length;
  if (typeof value !== "object" || value === null) return 16;
  if (level > MAX_LEVELS) return Infinity;
  const fields = value as Readonly<Record<string, unknown>>;
  let bytes = 32;
  for (const name of Object.keys(fields)) {
    bytes += name.length + sizeOf(fields[name], level + 1);
    // What holds itself twice would be gone through for ever.
    if (bytes === Infinity) break;
  }
  return bytes;
}
