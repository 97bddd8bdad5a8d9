/** A cell in the caller's own thread, for virtual time. It contains nothing. */
import { readConfig, type ConfigReading, type DefinedFunction } from "../../runtime/reconcile/define.ts";
import { FunctionImports } from "../../runtime/reconcile/resolve-hook.ts";
import { attempt } from "../../runtime/reconcile/cell/attempt.ts";
import {
  declarationOf,
  type Answers,
  type Attempt,
  type Cell,
  type Declaration,
  type Job,
} from "../../runtime/reconcile/cell/cell.ts";
import type { Birth } from "../../runtime/reconcile/cell/open-cell.ts";
import { loadDefinition } from "../../runtime/reconcile/cell/definition-in.ts";

export class InlineCell implements Cell {
  readonly name: string;
  readonly declaration: Declaration;
  readonly threadFaults = undefined;
  readonly #definition: DefinedFunction;

  constructor(name: string, definition: DefinedFunction) {
    this.name = name;
    this.declaration = declarationOf(definition);
    this.#definition = definition;
  }

  attempt(job: Job, answers: Answers): Attempt {
    const { name } = this;
    return attempt({ name, definition: this.#definition, isNamespaced: () => undefined }, job, answers);
  }

  readConfig(value: unknown): ConfigReading {
    return readConfig(this.#definition, value);
  }

  rest(): void {}

  wake(): void {}
}

/** One per folder: hooks stay registered as long as what they loaded may import. */
const importsOf = new Map<string, FunctionImports>();

/** Loads the function into this thread. */
export async function openInline({ name, dir, signal, ...birth }: Birth): Promise<Cell> {
  const imports = importsOf.getOrInsertComputed(dir, () => new FunctionImports(dir));
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  return new InlineCell(name, await Promise.race([loadDefinition(imports, birth), aborted]));
}
