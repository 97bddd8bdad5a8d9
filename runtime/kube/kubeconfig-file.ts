/**
 * One kubeconfig file: what is written in it, and its entries as client-node understands them. Of client-node only that part
 * is loaded: all of it costs 0.3 s and 75 MB, which stay.
 */
import { dirname, resolve } from "node:path";
import type { Cluster, Context, User } from "@kubernetes/client-node";
import { LineCounter, parseDocument } from "yaml";
import { credentialFile } from "./credential-file.ts";
import { EvenkeelError } from "./errors.ts";
import { recordOf, recordsOf, textOf, type JsonRecord } from "./json.ts";

export interface KubeconfigFile {
  readonly file: string;
  /** With absolute paths; those of users too. */
  readonly clusters: readonly Cluster[];
  readonly contexts: readonly Context[];
  readonly users: readonly User[];
  readonly currentContext: string | undefined;
  /** By name, as they are written: client-node leaves fields out. */
  readonly writtenClusters: ReadonlyMap<string, JsonRecord>;
  readonly writtenUsers: ReadonlyMap<string, JsonRecord>;
}

/** @throws EvenkeelError FILE_NOT_FOUND, KUBECONFIG_INVALID */
export async function readKubeconfig(file: string): Promise<KubeconfigFile> {
  const written = parsed(await credentialFile(file, "kubeconfig"), file);
  const { newClusters, newContexts, newUsers } = await import("@kubernetes/client-node/dist/config_types.js");
  try {
    const [clusters, users] = [newClusters(written["clusters"]), newUsers(written["users"])];
    for (const cluster of clusters) cluster.caFile = beside(file, cluster.caFile);
    for (const user of users) {
      user.certFile = beside(file, user.certFile);
      user.keyFile = beside(file, user.keyFile);
    }
    return {
      file,
      clusters,
      contexts: newContexts(written["contexts"]),
      users,
      currentContext: textOf(written["current-context"]),
      writtenClusters: byName(written["clusters"], "cluster"),
      writtenUsers: byName(written["users"], "user"),
    };
  } catch (cause) {
    // client-node's own sentence: `clusters[0].cluster is missing`.
    throw invalidKubeconfig(file, cause instanceof Error ? cause.message : "no kubeconfig");
  }
}

function byName(entries: unknown, field: "cluster" | "user"): ReadonlyMap<string, JsonRecord> {
  return new Map(recordsOf(entries).map((entry) => [String(entry["name"]), recordOf(entry[field]) ?? {}]));
}

/** Paths are relative to the file that names them; empty where there is none. */
function beside(file: string, path: string | undefined): string {
  return path ? resolve(dirname(file), path) : "";
}

/** What is not YAML is told by place and code: the parser's sentences may quote the text, and with it a token. */
function parsed(text: string, file: string): JsonRecord {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, prettyErrors: false, merge: true, logLevel: "silent" });
  const [error] = document.errors;
  if (error === undefined) return recordOf(toData(document, file)) ?? {};
  const { line, col } = lineCounter.linePos(error.pos[0]);
  throw invalidKubeconfig(`${file}:${line}:${col}`, `not YAML (${error.code})`);
}

/** Aliases that would make it grow without bound are refused by the parser here. */
function toData(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS();
  } catch {
    throw invalidKubeconfig(file, "its YAML aliases cannot be resolved");
  }
}

/** @param where for the message: the file, and what in it */
export function invalidKubeconfig(where: string, because: string): EvenkeelError {
  return new EvenkeelError("KUBECONFIG_INVALID", `${where}: ${because}`);
}
