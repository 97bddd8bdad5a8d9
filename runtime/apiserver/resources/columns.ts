/** Cells of `kubectl get`, in the words of the real server. */
import { type ApiObject, type Json, at, isObject } from "../object.ts";
import type { Column } from "./resource.ts";

export const NAME: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  priority: 0,
  cell: (object) => object.metadata.name ?? "",
};

export const AGE: Column = {
  name: "Age",
  type: "string",
  description: "CreationTimestamp is a timestamp representing the server time when this object was created.",
  priority: 0,
  cell: (object, wallMs) => age(object.metadata.creationTimestamp, wallMs),
};

export function column(
  name: string,
  description: string,
  cell: (object: ApiObject, wallMs: number) => string | number,
  priority: 0 | 1 = 0,
): Column {
  return { name, type: "string", description, priority, cell };
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : "";
}

export function number(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}

export function fieldCount(object: ApiObject, ...fields: readonly string[]): number {
  let count = 0;
  for (const field of fields) {
    const value = at(object, field);
    if (isObject(value)) count += Object.keys(value).length;
  }
  return count;
}

export function age(timestamp: Json | undefined, wallMs: number): string {
  const thenMs = typeof timestamp === "string" ? Date.parse(timestamp) : Number.NaN;
  return Number.isNaN(thenMs) ? "<unknown>" : humanDuration(wallMs - thenMs);
}

/**
 * Two significant units while the first is small: `95s`, `4m5s`, `3h20m`, `2d4h`, `1y30d`.
 * Source: apimachinery pkg/util/duration (HumanDuration).
 */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? two(years, "y", days % 365, "d") : `${years}y`;
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;
}
