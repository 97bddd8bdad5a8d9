/** Uids, generated names and timestamps, all from the Clock, so that one seed gives one history. */
import type { Clock } from "../clock/clock.ts";

/** Without vowels and look-alikes, so that no words appear. Source: apimachinery util/rand. */
const NAME_LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** A version 4 UUID. */
export function uid(clock: Clock): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(clock.random() * 16).toString(16)).join("");
  const variant = (8 + Math.floor(clock.random() * 4)).toString(16);
  return `${hex(8)}-${hex(4)}-4${hex(3)}-${variant}${hex(3)}-${hex(12)}`;
}

/** The five characters that generateName appends. */
export function nameSuffix(clock: Clock): string {
  return Array.from({ length: 5 }, () => NAME_LETTERS[Math.floor(clock.random() * NAME_LETTERS.length)]).join("");
}

/** RFC 3339 in whole seconds, as in metadata. */
export function timestamp(clock: Clock): string {
  return `${new Date(clock.wall()).toISOString().slice(0, 19)}Z`;
}
