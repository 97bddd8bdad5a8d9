/** Which files of the functions folder are functions, and what each is called. Reads names, never contents. */
import { readdirSync, statSync, type Dirent } from "node:fs";
import { join, parse } from "node:path";
import { systemCode } from "../kube/errors.ts";
import { DNS_LABEL } from "../kube/object.ts";

/** A name that one or more files of the folder claim. */
export interface FunctionFile {
  /** The file's base name: also a label value, a field manager's suffix and a key of the configuration. */
  readonly name: string;
  /** Absolute. More than one: the files contradict each other. */
  readonly files: readonly string[];
  /** Why the files cannot be functions, whatever they hold; a link that cannot be followed among them. */
  readonly refusal: string | undefined;
}

/**
 * The functions of `dir`, in order of name. A missing folder holds none.
 * @throws the file system's error where the folder is there and cannot be read.
 */
export function functionFiles(dir: string): readonly FunctionFile[] {
  const byName = new Map<string, Candidate[]>();
  for (const entry of entries(dir).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const { name, ext } = parse(entry.name);
    const file = isCandidate(entry.name, ext) ? candidate(join(dir, entry.name), entry) : undefined;
    if (file !== undefined) byName.set(name, [...(byName.get(name) ?? []), file]);
  }
  return [...byName].map(([name, files]) => ({
    name,
    files: files.map(({ path }) => path),
    refusal: refusal(name, files),
  }));
}

/** `dir` and every folder below it that can hold shared code; links are not followed. What cannot be read has none. */
export function functionFolders(dir: string): readonly string[] {
  const below = subfolders(dir).filter((name) => !isHidden(name) && name !== "node_modules");
  return [dir, ...below.flatMap((name) => functionFolders(join(dir, name)))];
}

/** Everything a newcomer may take for a function; what of it cannot be one gets a refusal, not silence. */
function isCandidate(file: string, ext: string): boolean {
  if (isHidden(file) || /\.d\.[mc]?ts$|\.test\./.test(file)) return false;
  return /^\.[mc]?[jt]sx?$/i.test(ext);
}

interface Candidate {
  readonly path: string;
  /** A link that leads to nothing, in a circle, or where we may not look. */
  readonly isLost: boolean;
}

/** Through symbolic links: the files of a mounted ConfigMap are links. undefined for what is no file. */
function candidate(path: string, entry: Dirent): Candidate | undefined {
  if (!entry.isSymbolicLink()) return entry.isFile() ? { path, isLost: false } : undefined;
  try {
    return statSync(path).isFile() ? { path, isLost: false } : undefined;
  } catch {
    return { path, isLost: true };
  }
}

function refusal(name: string, files: readonly Candidate[]): string | undefined {
  const foreign = files.find(({ path }) => !/\.m?[jt]s$/.test(path));
  if (foreign !== undefined) return "a function is a .ts, .mts, .js or .mjs file";
  // Valid wherever Kubernetes takes a label value.
  if (!DNS_LABEL.test(name)) {
    return `a function is called like its file: a-z, 0-9 and -, at most 63 characters, which ${JSON.stringify(name)} is not`;
  }
  const names = files.map(({ path }) => parse(path).base);
  if (names.length > 1) return `${names.join(" and ")} both give the function ${name}; keep one of them`;
  return files.some(({ isLost }) => isLost) ? "the link cannot be followed" : undefined;
}

/** Dot files: editors' temporary files (`.#x.ts`, `.x.ts.swp`) and the `..data` of a mounted ConfigMap. */
function isHidden(name: string): boolean {
  return name.startsWith(".");
}

function entries(dir: string): readonly Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
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
