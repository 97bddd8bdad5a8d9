/** Files that credentials are in. They change under us: kubelet rotates tokens and CAs by swapping a link. */
import { readFile } from "node:fs/promises";
import { EvenkeelError, systemCode } from "./errors.ts";

/** How old what was read from them may be. Source: client-go transport/token_source.go, one minute. */
export const FILE_LIFETIME_MS = 60_000;

/** @throws EvenkeelError FILE_NOT_FOUND, with `purpose` (`token of the service account`) and the system's code */
export async function credentialFile(path: string, purpose: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = systemCode(cause) ?? "unreadable";
    const what = code === "ENOENT" ? `there is no file ${path} (${purpose})` : `${path}: ${purpose} (${code})`;
    throw new EvenkeelError("FILE_NOT_FOUND", what, { cause });
  }
}
