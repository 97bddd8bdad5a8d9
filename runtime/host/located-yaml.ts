/**
 * A YAML file that remembers where each value stands, so that whatever is wrong with a value is told with line and column.
 * Stricter than YAML: one document, plain words as keys, each once, no tags and no aliases. Such files mean what they
 * look like, and none grows when it is read.
 */
import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
  type Node,
} from "yaml";
import { EvenkeelError } from "../kube/errors.ts";

export type Path = readonly PropertyKey[];

export interface Problem {
  readonly path: Path;
  readonly message: string;
}

/** A file with more mistakes than a screen holds is the wrong file; and each mistake costs time to describe. */
export const MAX_PROBLEMS = 20;

export class LocatedYaml {
  /** As it appears in messages. */
  readonly file: string;
  /** The document as plain data; undefined for an empty file. */
  readonly value: unknown;
  readonly #root: Node | null;
  readonly #lines: LineCounter;

  private constructor(file: string, value: unknown, root: Node | null, lines: LineCounter) {
    this.file = file;
    this.value = value;
    this.#root = root;
    this.#lines = lines;
  }

  /** @throws EvenkeelError CONFIG_INVALID: `FILE:LINE:COLUMN: message`, a line for each thing that is wrong. */
  static parse(text: string, file: string): LocatedYaml {
    try {
      return LocatedYaml.#parse(text, file);
    } catch (error) {
      if (error instanceof EvenkeelError) throw error;
      throw new EvenkeelError("CONFIG_INVALID", `${file}:1:1: nested too deeply to be read`, { cause: error });
    }
  }

  static #parse(text: string, file: string): LocatedYaml {
    const lines = new LineCounter();
    // Duplicate keys are found below: the parser's own search takes quadratic time, a minute for a megabyte.
    const documents = parseAllDocuments(text, {
      lineCounter: lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: "silent",
    });
    if (!("length" in documents) || documents[0] === undefined) return new LocatedYaml(file, undefined, null, lines);
    const [{ errors, warnings, contents, directives }, second] = documents;
    const at = (offset: number, message: string): string => `${place(file, lines, offset)}: ${message}`;
    const problems = [...errors, ...warnings].map(({ pos, message }) => at(pos[0], message));
    if (second !== undefined) problems.push(at(second.range[0], "a second document; there is room for one"));
    if (directives?.yaml.version === "1.1") problems.push(at(0, "YAML 1.1 is not supported; take the %YAML line out"));
    if (problems.length === 0) problems.push(...surprises(contents, at));
    if (problems.length > 0) throw refusal(problems);
    return new LocatedYaml(file, documents[0].toJS(), contents, lines);
  }

  /** One CONFIG_INVALID for `problems`, each as `FILE:LINE:COLUMN: a.b[0]: message`. */
  invalid(problems: readonly Problem[]): EvenkeelError {
    // One more than is told, so that it is known that there are more.
    const lines = problems.slice(0, MAX_PROBLEMS + 1).map(({ path, message }) => {
      const where = this.#root === null ? this.file : place(this.file, this.#lines, this.#find(path).offset);
      return path.length === 0 ? `${where}: ${message}` : `${where}: ${formatPath(path)}: ${message}`;
    });
    return refusal(lines);
  }

  /** How the value at `path` is written, where it is a plain word that YAML takes for something else than text: `1.0`. */
  unquoted(path: Path): string | undefined {
    const { node } = this.#find(path);
    const isWord = isScalar(node) && node.type === "PLAIN" && typeof node.value !== "string";
    return isWord ? node.source : undefined;
  }

  /** The node at `path`, and where to point: at the node itself, or at the key of the nearest parent that is there. */
  #find(path: Path): { readonly node: unknown; readonly offset: number } {
    let node: unknown = this.#root;
    let offset = startOf(node) ?? 0;
    for (const part of path) {
      const pair = isMap(node) ? node.items.find(({ key }) => keyOf(key) === String(part)) : undefined;
      node = isSeq(node) ? node.items[Number(part)] : pair?.value;
      if (node === undefined) return { node, offset };
      const keyOffset = pair === undefined ? undefined : startOf(pair.key);
      offset = (isScalar(node) && node.value !== null ? undefined : keyOffset) ?? startOf(node) ?? offset;
    }
    return { node, offset };
  }
}

/** `functions.mirror.prefixes[0]` */
function formatPath(path: Path): string {
  return path.reduce<string>((before, part) => {
    if (typeof part === "number") return `${before}[${part}]`;
    return before === "" ? String(part) : `${before}.${String(part)}`;
  }, "");
}

function refusal(problems: readonly string[]): EvenkeelError {
  const told = problems.length > MAX_PROBLEMS ? [...problems.slice(0, MAX_PROBLEMS), "… and more"] : problems;
  return new EvenkeelError("CONFIG_INVALID", told.join("\n"));
}

function place(file: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
}

/** What YAML allows and a reader would not expect. */
function surprises(root: Node | null, at: (offset: number, message: string) => string): readonly string[] {
  const found: string[] = [];
  visit(root, {
    Alias: (_, { source, range }) =>
      void found.push(at(range?.[0] ?? 0, `*${source}: an alias; write the value itself`)),
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        const name = keyOf(key);
        const offset = startOf(key) ?? 0;
        if (name === undefined) found.push(at(offset, "a key is a plain word"));
        else if (seen.has(name)) found.push(at(offset, `${name}: the key is given twice`));
        else seen.add(name);
      }
    },
  });
  return found;
}

/** As the plain data has it: `1:` and `"1":` are one key. */
function keyOf(key: unknown): string | undefined {
  if (!isScalar(key)) return undefined;
  const { value } = key;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : undefined;
}

function startOf(node: unknown): number | undefined {
  if (isPair(node) || isAlias(node) || !isNode(node)) return undefined;
  return node.range?.[0];
}
