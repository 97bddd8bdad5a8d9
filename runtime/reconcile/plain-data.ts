/** What can leave a function: JSON and nothing else, so that it is the same for whoever gets it, in whichever thread. */

/** Where `value` holds something that JSON has no form for, and what: `data.since is a Date`. undefined: it is plain data. */
export function notPlain(value: unknown): string | undefined {
  return new PlainWalk().fault(value);
}

/** Looks at several values that may share parts; each part is looked at once. */
export class PlainWalk {
  /** Of all texts that were met, keys not counted. */
  charCount = 0;
  readonly #done = new Set<object>();
  /** From the root to where the walk is. */
  readonly #open = new Set<object>();

  /** As {@link notPlain}. After a fault the walk is of no more use. */
  fault(value: unknown, path = ""): string | undefined {
    switch (typeof value) {
      case "string":
        this.charCount += value.length;
        return undefined;
      case "boolean":
      case "undefined":
        return undefined;
      case "number":
        return Number.isFinite(value) ? undefined : said(path, `is ${value}`);
      case "object":
        return value === null || this.#done.has(value) ? undefined : this.#inside(value, path);
      default:
        return said(path, `is a ${typeof value}`);
    }
  }

  #inside(value: object, path: string): string | undefined {
    if (this.#open.has(value)) return said(path, "holds itself");
    if (!Array.isArray(value) && !hasPlainPrototype(value)) return said(path, `is a ${value.constructor.name}`);
    this.#open.add(value);
    for (const [key, field] of Object.entries(value)) {
      const found = this.fault(field, path === "" ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    this.#open.delete(value);
    this.#done.add(value);
    return undefined;
  }
}

/** A Map or a Date would pass for an object without fields. */
export function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function said(path: string, what: string): string {
  return path === "" ? what : `${path} ${what}`;
}
