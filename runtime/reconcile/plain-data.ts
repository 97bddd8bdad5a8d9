/** What can leave a function: JSON and nothing else, so that it is the same for whoever gets it, in whichever thread. */

/** Where `value` holds something that JSON has no form for, and what: `data.since is a Date`. undefined: it is plain data. */
export function notPlain(value: unknown): string | undefined {
  return new PlainWalk().fault(value);
}

/** Whoever copies, compares or prints it later recurses as deep. Kubernetes' own objects nest some 20 deep. */
const MAX_DEPTH = 256;

/** Looks at several values that may share parts; each part is looked at once. */
export class PlainWalk {
  /** Of the JSON of all that was met, about: the texts and keys in it, and a little for each value. */
  charCount = 0;
  readonly #done = new Set<object>();
  /** From the root to where the walk is. */
  readonly #open = new Set<object>();

  /** As {@link notPlain}. After a fault the walk is of no more use. */
  fault(value: unknown): string | undefined {
    const found = this.#look(value);
    return found === undefined ? undefined : `${placeOf(found)} ${found.what}`.trimStart();
  }

  #look(value: unknown): Fault | undefined {
    this.charCount += VALUE_CHARS;
    switch (typeof value) {
      case "string":
        this.charCount += value.length;
        return undefined;
      case "boolean":
      case "undefined":
        return undefined;
      case "number":
        return Number.isFinite(value) ? undefined : fault(`is ${value}`);
      case "object":
        return value === null || this.#done.has(value) ? undefined : this.#inside(value);
      default:
        return fault(`is a ${typeof value}`);
    }
  }

  #inside(value: object): Fault | undefined {
    if (this.#open.has(value)) return fault("holds itself");
    if (this.#open.size === MAX_DEPTH) return fault(`nests deeper than ${MAX_DEPTH}`);
    this.#open.add(value);
    const found = Array.isArray(value) ? this.#items(value) : this.#fields(value);
    this.#open.delete(value);
    this.#done.add(value);
    return found;
  }

  #items(list: readonly unknown[]): Fault | undefined {
    // One of its own kind of list decides itself what JSON makes of it.
    if (Object.getPrototypeOf(list) !== Array.prototype) return fault(`is a ${className(list)}`);
    // By index: a list without end may hold next to nothing, and JSON would spell out each of its holes.
    for (let i = 0; i < list.length; i++) {
      const found = Object.hasOwn(list, i) ? this.#look(list[i]) : fault("is a hole in a list");
      if (found !== undefined) return within(i, found);
    }
    const extra = Object.keys(list)[list.length];
    return extra === undefined ? undefined : within(extra, fault("is a field of a list"));
  }

  #fields(value: object): Fault | undefined {
    if (!hasPlainPrototype(value)) return fault(`is a ${className(value)}`);
    for (const key of Object.keys(value)) {
      this.charCount += key.length;
      const found = this.#look((value as Readonly<Record<string, unknown>>)[key]);
      if (found !== undefined) return within(key, found);
    }
    return undefined;
  }
}

/** Quotes, a comma, a colon, a bracket. */
const VALUE_CHARS = 4;

interface Fault {
  readonly what: string;
  /** From the inside out. */
  readonly path: (string | number)[];
}

function fault(what: string): Fault {
  return { what, path: [] };
}

/** Of a deep one, the beginning. */
const MAX_STEPS = 16;

function placeOf({ path }: Fault): string {
  const steps = path.toReversed();
  return steps.length <= MAX_STEPS ? steps.join(".") : `${steps.slice(0, MAX_STEPS).join(".")}…`;
}

function within(key: string | number, found: Fault): Fault {
  found.path.push(key);
  return found;
}

/** A Map or a Date would pass for an object without fields. */
export function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Of its prototype: a field may be called `constructor` as well. */
export function className(value: object): string {
  const { constructor, [Symbol.toStringTag]: tag } = (Object.getPrototypeOf(value) ?? {}) as Readonly<
    Record<PropertyKey, unknown>
  >;
  // A generator has a constructor that is no function, and no name.
  const name = typeof constructor === "function" ? constructor.name : tag;
  return typeof name === "string" && name !== "" ? name : "thing of its own making";
}
