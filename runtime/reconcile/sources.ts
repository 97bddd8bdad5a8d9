/** The files that one load of a function read, and what was in them. */
import { hash } from "node:crypto";
import { readFileSync } from "node:fs";

export class Sources {
  readonly #digests = new Map<string, string>();
  #last: { readonly path: string; readonly text: string } | undefined;

  /** @param text undefined for a file that was asked for and could not be read */
  note(path: string, text: string | undefined): void {
    this.#digests.set(path, text === undefined ? ABSENT : digest(text));
    if (text !== undefined) this.#last = { path, text };
  }

  /** The file that was read last: the one that does not parse, when one does not. */
  get last(): { readonly path: string; readonly text: string } | undefined {
    return this.#last;
  }

  /** Whether every file still holds what was read. */
  isCurrent(): boolean {
    return this.#digests.entries().every(([path, before]) => digestOf(path) === before);
  }
}

const ABSENT = "absent";

function digestOf(path: string): string {
  try {
    return digest(readFileSync(path, "utf8"));
  } catch {
    return ABSENT;
  }
}

const digest = (text: string): string => hash("sha256", text);
