/** Cached objects are shared by every function, so what is handed out cannot be changed. */

/**
 * Freezes plain JSON to its leaves, and returns it. What is frozen at its root counts as frozen whole: only this function
 * freezes cached objects, and the root comes last.
 */
export function deepFrozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const field of Object.values(value)) deepFrozen(field);
  return Object.freeze(value);
}
