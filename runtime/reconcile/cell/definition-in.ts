/** Loads a function's file: what it exports is one function, or there is a clear word on what is wrong with it. */
import { EvenkeelError } from "../../kube/errors.ts";
import { isDefined, type DefinedFunction } from "../define.ts";
import type { FunctionImports } from "../resolve-hook.ts";
import { locate, shortPath } from "../source-position.ts";
import type { Birth } from "./open-cell.ts";

/** Rejects with whatever the file threw, or EvenkeelError FUNCTION_LOAD_FAILED naming file and line. */
export async function loadDefinition(
  imports: FunctionImports,
  { file, generation, onRead }: Pick<Birth, "file" | "generation" | "onRead">,
): Promise<DefinedFunction> {
  let text = "";
  const namespace = await imports.start(file, generation, (path, read) => {
    if (path === file) text = read ?? "";
    onRead(path, read);
  });
  return definitionIn(namespace, file, text);
}

function definitionIn(namespace: object, file: string, text: string): DefinedFunction {
  const value: unknown = "default" in namespace ? namespace.default : undefined;
  if (isDefined(value)) return value;
  const refuse = (why: string): never => {
    const where = `${shortPath(file)}${locate(text, /^[ \t]*export\s+default\b/m) || ":1:1"}`;
    throw new EvenkeelError("FUNCTION_LOAD_FAILED", `${where}: ${why}`);
  };
  if (!("default" in namespace)) return refuse("nothing is exported; end with `export default defineFunction({ … })`");
  if (isThenable(value)) {
    // Its rejection, if any, is not the host's to die of.
    void Promise.resolve(value).catch(() => {});
    return refuse("the default export is a promise; export what defineFunction returns, without async");
  }
  return refuse("the default export was not made by defineFunction");
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
