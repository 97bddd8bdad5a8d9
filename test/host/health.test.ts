import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { answerAll, answerOne, type Check, type Checks } from "../../runtime/host/health.ts";

const ok: Check = () => undefined;
const failing: Check = () => "not renewed for 12 s";
const broken: Check = () => {
  throw new Error("default/settings");
};
const healthy: Checks = new Map([
  ["caches", ok],
  ["lease", ok],
]);
const ill: Checks = new Map([
  ["caches", ok],
  ["lease", failing],
]);

interface Row {
  readonly name: string;
  readonly checks: Checks;
  readonly isVerbose?: boolean;
  readonly excluded?: readonly string[];
  readonly status: number;
  readonly body: string;
}

const all: readonly Row[] = [
  { name: "all checks hold: ok", checks: healthy, status: 200, body: "ok" },
  {
    name: "all checks hold, verbose: each by name",
    checks: healthy,
    isVerbose: true,
    status: 200,
    body: "[+]caches ok\n[+]lease ok\nreadyz check passed\n",
  },
  {
    name: "one fails: the list without reasons",
    checks: ill,
    status: 500,
    body: "[+]caches ok\n[-]lease failed: reason withheld\nreadyz check failed\n",
  },
  {
    name: "one fails, verbose: the reason",
    checks: ill,
    isVerbose: true,
    status: 500,
    body: "[+]caches ok\n[-]lease failed: not renewed for 12 s\nreadyz check failed\n",
  },
  { name: "the failing one is excluded: ok", checks: ill, excluded: ["lease"], status: 200, body: "ok" },
  {
    name: "an excluded one is shown as such",
    checks: ill,
    isVerbose: true,
    excluded: ["lease"],
    status: 200,
    body: "[+]caches ok\n[+]lease excluded: ok\nreadyz check passed\n",
  },
  {
    name: "an unknown exclusion is a warning and excludes nothing",
    checks: ill,
    excluded: ["leas\ne"],
    status: 500,
    body: '[+]caches ok\n[-]lease failed: reason withheld\nwarn: no such checks to exclude: "leas\\ne"\nreadyz check failed\n',
  },
  {
    name: "no checks: ping",
    checks: new Map(),
    isVerbose: true,
    status: 200,
    body: "[+]ping ok\nreadyz check passed\n",
  },
  {
    name: "a check that throws fails and what it threw stays inside",
    checks: new Map([["caches", broken]]),
    isVerbose: true,
    status: 500,
    body: "[-]caches failed: the check itself failed\nreadyz check failed\n",
  },
];

suite("all checks of an endpoint", () => {
  for (const { name, checks, isVerbose = false, excluded = [], status, body } of all)
    test(name, () =>
      assert.deepEqual(answerAll(checks, { endpoint: "readyz", isVerbose, excluded }), { status, body }),
    );
});

const one: readonly (Row & { readonly check: string })[] = [
  { name: "it holds: ok", checks: ill, check: "caches", status: 200, body: "ok" },
  { name: "it fails: no reason", checks: ill, check: "lease", status: 500, body: "[-]lease failed: reason withheld\n" },
  {
    name: "it fails, verbose: the reason",
    checks: ill,
    check: "lease",
    isVerbose: true,
    status: 500,
    body: "[-]lease failed: not renewed for 12 s\n",
  },
  {
    name: "unknown: the names",
    checks: ill,
    check: "x",
    status: 404,
    body: 'no check "x"; there are: caches, lease\n',
  },
  { name: "no checks: ping", checks: new Map(), check: "ping", status: 200, body: "ok" },
];

suite("one check", () => {
  for (const { name, checks, check, isVerbose = false, status, body } of one)
    test(name, () => assert.deepEqual(answerOne(checks, check, { isVerbose }), { status, body }));
});
