/** Whose a label or an annotation of a child is: the function's, which may take it back, or somebody else's. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { StoredObject } from "../../runtime/kube/object.ts";
import type { Effects } from "../../runtime/reconcile/effects.ts";
import { childOf, configMap, onlyWrite, planned, wish } from "./builders.ts";

const source = configMap("default/settings", { uid: "u1" });
const data = { a: "1" };

type Badges = Readonly<Record<string, string>>;

/** A child with these labels, and annotations of the same names, as it is stored. */
const badged = (own: Badges, others: Badges = {}): StoredObject => {
  const { body } = onlyWrite(planned(badges(own), source, []), "create");
  const { name, namespace, labels, annotations } = body.metadata;
  return configMap(`${namespace}/${name}`, {
    data,
    labels: { ...labels, ...others },
    annotations: { ...annotations, ...others },
  });
};
function badges(own: Badges): Effects {
  const { metadata, ...content } = wish("team-a/settings");
  return { children: [{ ...content, metadata: { ...metadata, labels: own, annotations: own } }] };
}

const markOf = ({ metadata }: StoredObject): string | undefined => metadata.annotations?.["evenkeel.dev/metadata"];

const withoutMarks = (map: Badges = {}): Badges =>
  Object.fromEntries(Object.entries(map).filter(([key]) => !key.startsWith("evenkeel.dev/")));

suite("labels and annotations of a child that is updated as a whole:", () => {
  const theirs = { theirs: "3" };
  const rows: readonly {
    readonly name: string;
    readonly have: StoredObject;
    readonly own: Badges;
    /** What the update leaves of both beside the marks; undefined: there is none. */
    readonly left: Badges | undefined;
  }[] = [
    { name: "as wished cost nothing", have: badged({ a: "1", b: "2" }), own: { b: "2", a: "1" }, left: undefined },
    { name: "of others cost nothing", have: badged({ a: "1" }, theirs), own: { a: "1" }, left: undefined },
    { name: "wished for no more go", have: badged({ a: "1", b: "2" }), own: { b: "2" }, left: { b: "2" } },
    { name: "go where none is left to be wished for", have: badged({ a: "1" }), own: {}, left: {} },
    { name: "of others stay", have: badged({ a: "1" }, theirs), own: {}, left: theirs },
    { name: "of others that are wished for are the function's", have: badged({}, theirs), own: theirs, left: theirs },
    {
      name: "from before they were marked stay, and are marked",
      have: childOf(
        source,
        "mirror",
        configMap("team-a/settings", { data, labels: { a: "1" }, annotations: { a: "1" } }),
      ),
      own: { a: "1" },
      left: { a: "1" },
    },
  ];
  for (const { name, have, own, left } of rows)
    test(name, () => {
      const result = planned(badges(own), source, [have]);
      if (left === undefined) return assert.deepEqual(result.writes, []);
      const { body } = onlyWrite(result, "update");
      const { labels, annotations } = body.metadata;
      assert.deepEqual([labels, annotations].map(withoutMarks), [left, left]);
      assert.deepEqual(planned(badges(own), source, [body as StoredObject]).writes, [], "one write is enough");
    });

  test("are named in one annotation, in a form that must never change, where there are any", () => {
    const named = "annotations/a,annotations/x.dev/b,labels/a,labels/x.dev/b";
    assert.deepEqual(
      [badged({ "x.dev/b": "2", a: "1" }), badged({}), badged({ "evenkeel.dev/retain": "true" })].map(markOf),
      [named, undefined, undefined],
    );
  });
});
