/** Nothing but a proper List is believed: on "there is nothing" copies are deleted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, kindKey, type Kind } from "../../runtime/kube/kind.ts";
import { listPage } from "../../runtime/kube/list-page.ts";
import { parseJson } from "../../runtime/kube/json.ts";

const Widget = kind("example.com/v1", "Widget");
const served = new Set(["v1/ConfigMap", "v1/Secret", "example.com/v1/Widget", "example.com/v1/Gadget"]);
const isServed = (it: Kind): boolean => served.has(kindKey(it));

const item = { metadata: { name: "a", namespace: "n", uid: "u", resourceVersion: "3" }, data: { k: "v" } };
const list = { kind: "ConfigMapList", apiVersion: "v1", metadata: { resourceVersion: "9" }, items: [item] };
const without = (field: "name" | "uid" | "resourceVersion") => ({
  ...item,
  metadata: { ...item.metadata, [field]: "" },
});

const refused: readonly { readonly name: string; readonly text: string }[] = [
  { name: "items: null", text: JSON.stringify({ ...list, items: null }) },
  { name: "no items", text: JSON.stringify({ ...list, items: undefined }) },
  { name: "items that are an object", text: JSON.stringify({ ...list, items: {} }) },
  { name: "no resourceVersion", text: JSON.stringify({ ...list, metadata: {} }) },
  { name: "an empty resourceVersion", text: JSON.stringify({ ...list, metadata: { resourceVersion: "" } }) },
  { name: "no metadata", text: JSON.stringify({ ...list, metadata: undefined }) },
  { name: "another kind of list", text: JSON.stringify({ ...list, kind: "SecretList" }) },
  { name: "a list of a name of its own", text: JSON.stringify({ ...list, kind: "ConfigMapCollection" }) },
  { name: "another version", text: JSON.stringify({ ...list, apiVersion: "v2" }) },
  {
    name: "a Table",
    text: JSON.stringify({ kind: "Table", apiVersion: "meta.k8s.io/v1", rows: [], metadata: list.metadata }),
  },
  {
    name: "partial metadata",
    text: JSON.stringify({ ...list, kind: "PartialObjectMetadataList", apiVersion: "meta.k8s.io/v1" }),
  },
  { name: "a Status with 200", text: JSON.stringify({ kind: "Status", apiVersion: "v1" }) },
  { name: "a single object", text: JSON.stringify({ ...item, kind: "ConfigMap", apiVersion: "v1" }) },
  { name: "an item without a name", text: JSON.stringify({ ...list, items: [without("name")] }) },
  { name: "an item without a uid", text: JSON.stringify({ ...list, items: [item, without("uid")] }) },
  { name: "an item without a resourceVersion", text: JSON.stringify({ ...list, items: [without("resourceVersion")] }) },
  { name: "an item without metadata", text: JSON.stringify({ ...list, items: [{ data: {} }] }) },
  { name: "an item that is null", text: JSON.stringify({ ...list, items: [null] }) },
  {
    name: "an item of another kind",
    text: JSON.stringify({ ...list, items: [{ ...item, kind: "Secret", apiVersion: "v1" }] }),
  },
  { name: "an array", text: "[]" },
  { name: "null", text: "null" },
  { name: "nothing", text: "" },
  { name: "a web page", text: "<html>s3cret</html>" },
  { name: "a list that is cut off", text: JSON.stringify(list).slice(0, -5) },
];

for (const { name, text } of refused) {
  test(`list: ${name} is a bad response`, () => {
    assert.throws(
      () => listPage(parseJson(text), ConfigMap, "list v1/ConfigMap", isServed),
      (error) =>
        error instanceof EvenkeelError &&
        error.code === "API_BAD_RESPONSE" &&
        error.message.startsWith("list v1/ConfigMap: ") &&
        !error.message.includes("s3cret") &&
        error.cause === undefined,
    );
  });
}

test("list: of metadata, items get the kind that was asked for, and lose all but metadata", () => {
  const metadata = { ...ConfigMap, part: "metadata" } as const;
  const meta = { apiVersion: "meta.k8s.io/v1" };
  const partial = { ...meta, kind: "PartialObjectMetadata", metadata: { ...item.metadata, managedFields: [{}] } };
  const answers: readonly (readonly [string, object])[] = [
    ["by a server that knows it", { ...list, ...meta, kind: "PartialObjectMetadataList", items: [partial] }],
    ["by a server that sends whole objects", list],
  ];
  for (const [name, answer] of answers)
    assert.deepEqual(
      listPage(answer, metadata, "list", isServed).items,
      [{ apiVersion: "v1", kind: "ConfigMap", metadata: item.metadata }],
      name,
    );
  assert.throws(() => listPage({ ...list, kind: "SecretList" }, metadata, "list", isServed));
});

const widget = { ...Widget, metadata: item.metadata };
const widgets = { ...Widget, kind: "WidgetCollection", metadata: list.metadata, items: [widget] };

test("list: a custom kind may name its lists otherwise", () => {
  for (const name of ["WidgetList", "WidgetCollection", "Widgets", "GizmoList"]) {
    const all = listPage({ ...widgets, kind: name }, Widget, "list", isServed);
    assert.deepEqual(all.items, [widget], name);
    assert.deepEqual(listPage({ ...widgets, kind: name, items: [] }, Widget, "list", isServed).items, [], name);
  }
  const metadata = { ...Widget, part: "metadata" } as const;
  assert.deepEqual(listPage(widgets, metadata, "list", isServed).items, [widget]);
});

const notWidgets: readonly (readonly [string, object])[] = [
  ["the list of another kind that is served", { ...widgets, kind: "GadgetList", items: [] }],
  ["another kind that is served", { ...widgets, kind: "Gadget", items: [] }],
  ["the kind itself", { ...widgets, kind: "Widget", items: [] }],
  ["no kind", { ...widgets, kind: undefined, items: [] }],
  ["another version", { ...widgets, apiVersion: "example.com/v2", items: [] }],
  ["another group", { ...widgets, apiVersion: "v1", kind: "Status", items: [] }],
  ["items of another kind", { ...widgets, items: [{ ...widget, kind: "Gadget" }] }],
  ["items that name no kind", { ...widgets, items: [item] }],
];

for (const [name, answer] of notWidgets)
  test(`list: of a custom kind ${name} is a bad response`, () => {
    assert.throws(
      () => listPage(answer, Widget, "list", isServed),
      (error) => error instanceof EvenkeelError && error.code === "API_BAD_RESPONSE",
    );
  });

test("list: items get the apiVersion and kind that they lack", () => {
  assert.deepEqual(listPage(list, ConfigMap, "list", isServed).items, [
    { apiVersion: "v1", kind: "ConfigMap", ...item },
  ]);
});

test("list: an empty list is a list", () => {
  const page = listPage({ ...list, items: [] }, ConfigMap, "list", isServed);
  assert.deepEqual(page, { items: [], resourceVersion: "9", continue: undefined });
});

const paged = (token: string) => ({ ...list, metadata: { resourceVersion: "9", continue: token } });

test("list: the continue token is handed out, an empty one is none", () => {
  assert.equal(listPage(paged("abc"), ConfigMap, "list", isServed).continue, "abc");
  assert.equal(listPage(paged(""), ConfigMap, "list", isServed).continue, undefined);
});
