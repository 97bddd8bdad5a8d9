/** The context under which spans become children of another span. */
import { ROOT_CONTEXT, trace, type Context, type Span } from "@opentelemetry/api";

export function under(parent: Span): Context {
  return trace.setSpan(EMPTY, parent);
}

/** One value at most, and no Map, as those of the API have: every reconcile needs one. */
class SmallContext implements Context {
  readonly #key: symbol | undefined;
  readonly #value: unknown;

  constructor(key?: symbol, value?: unknown) {
    this.#key = key;
    this.#value = value;
  }

  getValue(key: symbol): unknown {
    return key === this.#key ? this.#value : undefined;
  }

  setValue(key: symbol, value: unknown): Context {
    if (this.#key === undefined || this.#key === key) return new SmallContext(key, value);
    return ROOT_CONTEXT.setValue(this.#key, this.#value).setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return key === this.#key ? EMPTY : this;
  }
}

const EMPTY: Context = new SmallContext();
