/** A list of pages is one snapshot, or none: what it lacks counts as deleted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { listAll } from "../../runtime/cache/list-all.ts";
import type { ListPage } from "../../runtime/kube/api.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { select } from "../../runtime/kube/query.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { object } from "./support/objects.ts";
import { page, ScriptedApi } from "./support/scripted-api.ts";

const [a, b, c] = [object("n/a", 3), object("n/b", 4), object("n/c", 9)];

interface Row {
  readonly name: string;
  readonly why: string;
  readonly lists: readonly ListPage[];
  readonly calls: readonly string[];
  /** The names at a version, or the code of an error. */
  readonly is: string;
}

const rows: readonly Row[] = [
  {
    name: "all pages, at the version of each",
    why: "they are one snapshot",
    lists: [page(9, [a], "t1"), page(9, [b], "t2"), page(9, [c])],
    calls: ["list 500", "list 500 after t1", "list 500 after t2"],
    is: "a b c at 9",
  },
  {
    name: "a page of an older version has all listed in one",
    why: "it comes from a server that has not seen what the first page was of, and may lack that",
    lists: [page(10, [a], "t1"), page(8, []), page(10, [a, c])],
    calls: ["list 500", "list 500 after t1", "list all"],
    is: "a c at 10",
  },
  {
    name: "a page of a newer version has all listed in one",
    why: "an object that is in neither part may have been deleted or merely missed",
    lists: [page(8, [a], "t1"), page(10, [c], "t2"), page(11, [a, b, c])],
    calls: ["list 500", "list 500 after t1", "list all"],
    is: "a b c at 11",
  },
  {
    name: "a token that comes again is a bad response",
    why: "pages that go round in a circle have no end",
    lists: [page(9, [a], "t1"), page(9, [b], "t2"), page(9, [a], "t1")],
    calls: ["list 500", "list 500 after t1", "list 500 after t2"],
    is: "API_BAD_RESPONSE",
  },
  {
    name: "the token that was asked with is a bad response",
    why: "so do those of one page",
    lists: [page(9, [a], "t1"), page(9, [a], "t1")],
    calls: ["list 500", "list 500 after t1"],
    is: "API_BAD_RESPONSE",
  },
];

for (const { name, why, lists, calls, is } of rows)
  test(`list: ${name}`, async () => {
    const api = new ScriptedApi(new VirtualClock(), { lists });
    const outcome = await listAll(api, select(ConfigMap), new AbortController().signal).then(
      ({ objects, resourceVersion }) => `${objects.map((it) => it.metadata.name).join(" ")} at ${resourceVersion}`,
      (error: unknown) => codeOf(error),
    );
    assert.deepEqual([outcome, api.calls], [is, calls], why);
  });

test("list: a page may be of any length, whatever was asked for", async () => {
  const many = Array.from({ length: 200_000 }, () => b);
  const api = new ScriptedApi(new VirtualClock(), { lists: [page(9, [a], "t1"), page(9, many)] });
  const { objects } = await listAll(api, select(ConfigMap), new AbortController().signal);
  assert.equal(objects.length, 200_001);
});
