/** Which files of the functions folder are functions, and what each is called. Reads names, never contents. */
import { readdirSync, statSync } from "node:fs";
import { join, parse } from "node:path";

/** A name that one or more files of the folder claim. */
export interface FunctionFile {
  /** The file's base name: also a label value, a field manager's suffix and a key of the configuration. */
  readonly name: string;
  /** Absolute. More than one: the files contradict each other. */
  readonly files: readonly string[];
  /** Why the files cannot be functions, whatever they hold. */
  readonly refusal: string | undefined;
}

/** A DNS label (RFC 1123), at most 63 characters: valid wherever Kubernetes takes a label value. */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * The functions of `dir`, in order of name. A missing folder holds none.
 * @throws the file system's error where the folder is there and cannot be read.
 */
export function functionFiles(dir: string): readonly FunctionFile[] {
  const byName = new Map<string, string[]>();
  for (const file of entries(dir).toSorted()) {
    const { name, ext } = parse(file);
    if (!isCandidate(file, ext) || !isFile(join(dir, file))) continue;
    byName.set(name, [...(byName.get(name) ?? []), join(dir, file)]);
  }
  return [...byName].map(([name, files]) => ({ name, files, refusal: refusal(name, files) }));
}

/** `dir` and every folder below it that can hold shared code; links are not followed. What cannot be read has none. */
export function functionFolders(dir: string): readonly string[] {
  const below = subfolders(dir).filter((name) => !isHidden(name) && name !== "node_modules");
  return [dir, ...below.flatMap((name) => functionFolders(join(dir, name)))];
}

/** Everything a newcomer may take for a function; what of it cannot be one gets a refusal, not silence. */
function isCandidate(file: string, ext: string): boolean {
  if (isHidden(file) || /\.d\.[mc]?ts$|\.test\./.test(file)) return false;
  return /^\.[mc]?[jt]sx?$/.test(ext);
}

function refusal(name: string, files: readonly string[]): string | undefined {
  const foreign = files.find((file) => !/\.m?[jt]s$/.test(file));
  if (foreign !== undefined) return "a function is a .ts, .mts, .js or .mjs file";
  if (!DNS_LABEL.test(name)) {
    return `a function is called like its file: a-z, 0-9 and -, at most 63 characters, which ${JSON.stringify(name)} is not`;
  }
  const names = files.map((file) => parse(file).base);
  if (names.length > 1) return `${names.join(" and ")} both give the function ${name}; keep one of them`;
  return undefined;
}

/** Dot files: editors' temporary files (`.#x.ts`, `.x.ts.swp`) and the `..data` of a mounted ConfigMap. */
function isHidden(name: string): boolean {
  return name.startsWith(".");
}

function entries(dir: string): readonly string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (Error.isError(error) && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

function subfolders(dir: string): readonly string[] {
  try {
    const all = readdirSync(dir, { withFileTypes: true });
    return all.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch {
    return [];
  }
}

/** Through symbolic links: the files of a mounted ConfigMap are links. */
function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
