/** What makes the host unready, and what would need a restart. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { SharedInformer } from "../../runtime/cache/informer.ts";
import { livezChecks, readyzChecks, STALE_MS } from "../../runtime/host/checks.ts";
import type { Checks } from "../../runtime/host/health.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { Namespace } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import type { LeaderElector } from "../../runtime/lease/leader-elector.ts";

const current = { query: select(Namespace), hasSynced: true, lastEventAgeMs: STALE_MS, lastError: undefined };
const unseen = new EvenkeelError("API_UNAUTHORIZED", "evenkeel/evenkeel");
const lost = new EvenkeelError("LEASE_LOST", "evenkeel/evenkeel");

interface Row {
  readonly name: string;
  readonly informer?: Partial<Pick<SharedInformer, "hasSynced" | "lastEventAgeMs" | "lastError">>;
  readonly isStarting?: boolean;
  readonly problem?: string;
  readonly error?: EvenkeelError;
  readonly standbyError?: EvenkeelError;
  /** Check → reason. */
  readonly livez?: Readonly<Record<string, string>>;
  readonly readyz?: Readonly<Record<string, string>>;
}

const rows: readonly Row[] = [
  { name: "nothing, where all is well" },
  {
    name: "a file that is not at work",
    problem: "mirror.ts: line 3",
    readyz: { functions: "mirror.ts: line 3" },
  },
  {
    name: "a cache that was never filled",
    informer: { hasSynced: false, lastEventAgeMs: undefined, lastError: new EvenkeelError("API_FORBIDDEN", "list") },
    readyz: { caches: "v1/Namespace */* has not synced" },
  },
  {
    name: "a cache that is being filled, while the host starts",
    informer: { hasSynced: false, lastEventAgeMs: undefined },
    isStarting: true,
    readyz: { caches: "v1/Namespace */* has not synced" },
  },
  {
    name: "nothing, where the cache of a function that was dropped in is being filled",
    informer: { hasSynced: false, lastEventAgeMs: undefined },
  },
  {
    name: "a watch that has been silent for too long",
    informer: { lastEventAgeMs: STALE_MS + 1 },
    readyz: { watches: "v1/Namespace */* has heard nothing for three minutes" },
  },
  {
    name: "a watch that fails",
    informer: { lastError: new EvenkeelError("API_UNREACHABLE", "watch") },
    readyz: { watches: "v1/Namespace */* cannot be watched: API_UNREACHABLE" },
  },
  {
    name: "a server that has lost what was seen: only a restart forgets it",
    informer: { lastError: new EvenkeelError("API_WENT_BACK", "watch") },
    livez: { history: "v1/Namespace */* has seen what the API server knows no more" },
    readyz: { watches: "v1/Namespace */* cannot be watched: API_WENT_BACK" },
  },
  { name: "a lease that is lost", error: lost, livez: { lease: lost.message }, readyz: { lease: lost.message } },
  {
    name: "a standby that cannot look at the lease: it could not take over, and a restart would not help",
    standbyError: unseen,
    readyz: { lease: unseen.message },
  },
];

const failing = (checks: Checks): object =>
  Object.fromEntries([...checks].flatMap(([check, ask]) => (ask() === undefined ? [] : [[check, ask()]])));

suite("the host's checks fail for", () => {
  for (const { name, informer = {}, isStarting = false, problem, error, standbyError, livez = {}, readyz = {} } of rows)
    test(name, () => {
      const checked = {
        elector: { check: () => error, checkStandby: () => standbyError } as unknown as LeaderElector,
        informers: () => [current, { ...current, ...informer }] as unknown as readonly SharedInformer[],
        problems: () => (problem === undefined ? [] : [{ about: "mirror", message: problem }]),
        isStarting: () => isStarting,
      };
      assert.deepEqual([failing(livezChecks(checked)), failing(readyzChecks(checked))], [livez, readyz]);
    });

  test("nothing of a lease where none is held", () => {
    const none = { elector: undefined, informers: () => [], problems: () => [], isStarting: () => false };
    for (const checks of [livezChecks(none), readyzChecks(none)]) assert.equal(checks.get("lease")?.(), undefined);
  });
});
