/** A cell in the caller's own thread: for tests, and for simulations in virtual time. It contains nothing. */
import { readConfig, type ConfigReading, type DefinedFunction } from "../define.ts";
import { FunctionImports } from "../resolve-hook.ts";
import { attempt } from "./attempt.ts";
import { declarationOf, type Answers, type Attempt, type Cell, type Declaration, type Job } from "./cell.ts";
import type { Birth } from "./open-cell.ts";
import { loadDefinition } from "./definition-in.ts";

export class InlineCell implements Cell {
  readonly name: string;
  readonly declaration: Declaration;
  readonly trouble = undefined;
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
