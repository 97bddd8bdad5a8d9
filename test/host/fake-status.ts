/** A status source whose answers a test sets, and which counts how often it was asked. */
import type { KeyStatus } from "../../runtime/host/key-status.ts";
import type { Status, StatusSource } from "../../runtime/host/status.ts";

const queue = { high: 0, low: 0, delayed: 0, processing: 0 };

const quiet: Status = {
  version: "1.2.3",
  identity: "replica-1",
  uptimeMs: 5_000,
  notReady: [],
  lease: undefined,
  problems: [],
  functions: [
    {
      name: "mirror",
      file: "functions/mirror.ts",
      generation: 1,
      isDryRun: false,
      watches: "v1/ConfigMap */* [mirror=true]",
      reads: ["v1/Namespace */*"],
      writes: ["v1/ConfigMap"],
      state: "working",
      waitsFor: [],
      problem: undefined,
      suspension: undefined,
      faultCount: 0,
      lastError: undefined,
      keyCount: 1,
      queue,
      troubled: [],
    },
  ],
  caches: [],
  reconciles: [],
};

const key: KeyStatus = {
  function: "mirror",
  key: "default/x",
  kind: "v1/ConfigMap",
  exists: true,
  isRunning: false,
  retries: 0,
  wakes: ["source added"],
  reads: ["v1/Namespace */team-*"],
  readCount: 1,
  children: ["v1/ConfigMap team-a/x"],
  childCount: 1,
  obstacles: [],
  reconciles: [],
  traces: [],
};

export interface FakeStatus extends StatusSource {
  status: Status;
  readCount: number;
}

export function fakeStatus(change: Partial<Status> = {}): FakeStatus {
  return {
    status: { ...quiet, ...change },
    readCount: 0,
    read() {
      this.readCount++;
      return this.status;
    },
    key: (functionName, asked) => (functionName === "mirror" ? { ...key, key: asked } : undefined),
    keysLike: () => [],
  };
}

export { key as fakeKey, quiet as quietStatus };
