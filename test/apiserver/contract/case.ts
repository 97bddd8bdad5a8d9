/** A case of the contract, and the corner of a server that it runs in. */
import assert from "node:assert/strict";
import type { ApiClient } from "../client.ts";

/** A server under test. */
export interface Target {
  readonly client: ApiClient;
  /** Lets the server's own work go on: virtual time moves, or real time passes. */
  readonly wait: (ms: number) => Promise<void>;
}

/** One case's own corner of the server. */
export interface Room {
  readonly api: ApiClient;
  readonly namespace: string;
  /** `/api/v1/namespaces/<namespace>/configmaps` */
  readonly configMaps: string;
  readonly wait: (ms: number) => Promise<void>;
}

export interface Case {
  readonly name: string;
  readonly run: (room: Room) => Promise<void>;
}

/** Makes the namespace that a case runs in. @param n makes its name unique on this server. */
export async function roomIn({ client, wait }: Target, n: number): Promise<Room> {
  const namespace = `contract-${n}`;
  const made = await client.post("/api/v1/namespaces", { metadata: { name: namespace } });
  assert.equal(made.status, 201);
  return { api: client, namespace, configMaps: `/api/v1/namespaces/${namespace}/configmaps`, wait };
}
