/**
 * Health: named checks behind /healthz, /livez and /readyz, with the paths, flags and answers of kube-apiserver. Alive means
 * a restart would not help; ready means the host does its work or could take over at once. A check looks at what the host
 * already knows: it never waits.
 */

/** Why the check fails, in a few words without any object's data, or undefined when it holds. */
export type Check = () => string | undefined;

/** By name, in the order in which they are printed. Names stand in paths: lower case and hyphens. */
export type Checks = ReadonlyMap<string, Check>;

export interface HealthAnswer {
  readonly status: 200 | 404 | 500;
  readonly body: string;
}

interface HealthQuestion {
  /** `livez`; stands in the last line of the answer. */
  readonly endpoint: string;
  readonly isVerbose: boolean;
  /** Checks to leave out. */
  readonly excluded: readonly string[];
}

/**
 * All checks of an endpoint. Reasons are shown when asked for with `verbose`: probes are often open to the whole cluster.
 * Source: k8s.io/apiserver pkg/server/healthz/healthz.go (handleRootHealth).
 */
export function answerAll(checks: Checks, { endpoint, isVerbose, excluded }: HealthQuestion): HealthAnswer {
  const unknown = new Set(excluded);
  const lines: string[] = [];
  let isHealthy = true;
  for (const [name, check] of orPing(checks)) {
    if (unknown.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const reason = run(check);
    if (reason !== undefined) isHealthy = false;
    lines.push(reason === undefined ? `[+]${name} ok` : `[-]${name} failed: ${isVerbose ? reason : "reason withheld"}`);
  }
  if (unknown.size > 0) lines.push(`warn: no such checks to exclude: ${[...unknown].map(quoted).join(", ")}`);
  lines.push(`${endpoint} check ${isHealthy ? "passed" : "failed"}`);
  if (isHealthy && !isVerbose) return { status: 200, body: "ok" };
  return { status: isHealthy ? 200 : 500, body: `${lines.join("\n")}\n` };
}

/** One check by name, as under /readyz/NAME. */
export function answerOne(checks: Checks, name: string, { isVerbose }: { readonly isVerbose: boolean }): HealthAnswer {
  const all = orPing(checks);
  const check = all.get(name);
  if (check === undefined)
    return { status: 404, body: `no check ${quoted(name)}; there are: ${[...all.keys()].join(", ")}\n` };
  const reason = run(check);
  if (reason === undefined) return { status: 200, body: "ok" };
  return { status: 500, body: `[-]${name} failed: ${isVerbose ? reason : "reason withheld"}\n` };
}

/** Where there is nothing to check, an answer alone is the check. */
function orPing(checks: Checks): Checks {
  return checks.size > 0 ? checks : new Map([["ping", () => undefined]]);
}

/** A check that throws fails; what it threw is nobody's business here. */
function run(check: Check): string | undefined {
  try {
    return check();
  } catch {
    return "the check itself failed";
  }
}

/** What came in a URL is printed bounded and on one line. */
function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 63));
}
