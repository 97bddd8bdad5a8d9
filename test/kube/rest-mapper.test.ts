/** Where kinds are found, how seldom that is asked, and what is never taken for "gone". */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiClient } from "../../runtime/kube/client.ts";
import { codeOf, EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap, kind, kindKey, type Kind } from "../../runtime/kube/kind.ts";
import { inProcessTransport } from "../support/in-process-transport.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { aggregated, group, json, served, status } from "./fake-server.ts";

const Deployment = kind("apps/v1", "Deployment");
const Widget = kind("example.com/v1", "Widget");

const core = aggregated([group("", "v1", [served("ConfigMap", "configmaps", "Namespaced")])]);
const widgets = group("example.com", "v1", [served("Widget", "widgets", "Cluster", ["status"])]);
const apps = group("apps", "v1", [served("Deployment", "deployments", "Namespaced", ["status", "scale"])]);

/** `answers` is looked up at each request: tests change it. */
function world(answers: Record<string, () => Response | Promise<Response>>) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const transport = inProcessTransport(async (request) => {
    const path = new URL(request.url).pathname;
    asked.push(path);
    return answers[path]?.() ?? new Response("404 page not found", { status: 404 });
  });
  const client = new ApiClient({ transport, clock });
  const outcome = (wanted: Kind): Promise<string> =>
    client.resource(wanted).then(
      ({ plural }) => plural,
      (error: unknown) => codeOf(error),
    );
  return { clock, asked, client, outcome };
}

const modern = (groups: () => readonly object[]) => ({
  "/api": () => json(core),
  "/apis": () => json(aggregated(groups())),
});

test("discovery: two requests find every kind, with its scope", async () => {
  const { client, asked } = world(modern(() => [apps, widgets]));
  assert.deepEqual(await client.resource(Deployment), {
    kind: { apiVersion: "apps/v1", kind: "Deployment" },
    group: "apps",
    plural: "deployments",
    isNamespaced: true,
  });
  assert.equal((await client.resource(ConfigMap)).plural, "configmaps");
  assert.equal((await client.resource(Widget)).isNamespaced, false);
  assert.deepEqual(asked, ["/api", "/apis"]);
});

test("discovery: many who ask at once cause one asking", async () => {
  const { outcome, asked } = world(modern(() => [apps]));
  const kinds = [Deployment, ConfigMap, Deployment, ConfigMap];
  assert.deepEqual(await Promise.all(kinds.map(outcome)), ["deployments", "configmaps", "deployments", "configmaps"]);
  assert.deepEqual(asked, ["/api", "/apis"]);
});

test("discovery: a server without the aggregated form is asked for the one group version", async () => {
  const { client, asked } = world({
    "/api": () => json({ kind: "APIVersions", versions: ["v1"] }),
    "/apis": () => json({ kind: "APIGroupList", apiVersion: "v1", groups: [] }),
    "/apis/apps/v1": () =>
      json({
        kind: "APIResourceList",
        groupVersion: "apps/v1",
        resources: [
          { name: "deployments", kind: "Deployment", namespaced: true, verbs: ["get"] },
          { name: "deployments/status", kind: "Deployment", namespaced: true, verbs: ["get"] },
          { name: "deployments/scale", kind: "Scale", namespaced: true, verbs: ["get"] },
        ],
      }),
  });
  const resource = await client.resource(Deployment);
  assert.deepEqual(resource, {
    kind: { apiVersion: "apps/v1", kind: "Deployment" },
    group: "apps",
    plural: "deployments",
    isNamespaced: true,
  });
  assert.equal(await client.resource(Deployment), resource);
  assert.deepEqual(asked, ["/api", "/apis", "/apis/apps/v1"]);
});

const Template = kind("template.openshift.io/v1", "Template");
/** As OpenShift has them, in this order. */
const processed = { ...served("Template", "processedtemplates", "Namespaced"), verbs: ["create"] };
const templates = served("Template", "templates", "Namespaced");
const classic = ({ resource, verbs }: typeof templates) => ({
  name: resource,
  kind: "Template",
  namespaced: true,
  verbs,
});

for (const entries of [
  [processed, templates],
  [templates, processed],
])
  test(`discovery: of two resources with one kind, that counts which can be listed and watched: ${entries[0]?.resource} first`, async () => {
    const resources = entries.map(classic);
    const forms = [
      { ...modern(() => [group("template.openshift.io", "v1", entries)]) },
      {
        "/api": () => json({ kind: "APIVersions", versions: ["v1"] }),
        "/apis": () => json({ kind: "APIGroupList", apiVersion: "v1", groups: [] }),
        "/apis/template.openshift.io/v1": () => json({ kind: "APIResourceList", resources }),
      },
    ];
    for (const form of forms) assert.equal(await world(form).outcome(Template), "templates");
  });

test("discovery: a kind is not served only after a definite no, and that is not asked again for a while", async () => {
  const { outcome, asked, clock } = world(modern(() => [apps]));
  assert.equal(await outcome(Widget), "KIND_NOT_SERVED");
  assert.deepEqual(asked, ["/api", "/apis", "/apis/example.com/v1"]);
  await clock.advance(4_999);
  assert.equal(await outcome(Widget), "KIND_NOT_SERVED");
  assert.equal(asked.length, 3);
  await clock.advance(1);
  assert.equal(await outcome(Widget), "KIND_NOT_SERVED");
  assert.equal(asked.length, 6);
});

test("discovery: a kind that is installed later is found", async () => {
  const groups: object[] = [apps];
  const { outcome, clock } = world(modern(() => groups));
  assert.equal(await outcome(Widget), "KIND_NOT_SERVED");
  groups.push(widgets);
  await clock.advance(5_000);
  assert.equal(await outcome(Widget), "widgets");
});

const builtIn = aggregated([
  group("", "v1", [served("ConfigMap", "configmaps", "Namespaced"), served("Event", "events", "Namespaced")]),
]);
const others = aggregated([
  apps,
  widgets,
  group("events.k8s.io", "v1", [served("Event", "events", "Namespaced")]),
  group("serving.knative.dev", "v1", [served("Service", "services", "Namespaced")]),
]);

const hints: readonly { readonly name: string; readonly wanted: Kind; readonly hint: string }[] = [
  { name: "its case", wanted: kind("v1", "configMap"), hint: "did you mean v1/ConfigMap?" },
  { name: "its plural", wanted: kind("apps/v1", "deployments"), hint: "did you mean apps/v1/Deployment?" },
  { name: "a group without a version", wanted: kind("apps", "Deployment"), hint: "did you mean apps/v1/Deployment?" },
  { name: "another version", wanted: kind("example.com/v2", "Widget"), hint: "did you mean example.com/v1/Widget?" },
  { name: "no group", wanted: kind("v1", "Deployment"), hint: "did you mean apps/v1/Deployment?" },
  { name: "of two groups, the one that was named", wanted: kind("v1", "events"), hint: "did you mean v1/Event?" },
  {
    name: "of two groups, the one that was named, the other way",
    wanted: kind("events.k8s.io/v1", "events"),
    hint: "did you mean events.k8s.io/v1/Event?",
  },
  { name: "built in", wanted: kind("batch/v1", "Job"), hint: "this API server does not have it" },
  { name: "of Kubernetes", wanted: kind("node.k8s.io/v1", "RuntimeClass"), hint: "this API server does not have it" },
  { name: "custom", wanted: kind("example.com/v1", "Gadget"), hint: "is its CustomResourceDefinition missing?" },
  {
    name: "custom, with the name of another group's",
    wanted: kind("other.dev/v1", "Widget"),
    hint: "is its CustomResourceDefinition missing?",
  },
];

for (const { name, wanted, hint } of hints) {
  test(`discovery: of a kind that is not served it is told what may help: ${name}`, async () => {
    const { client } = world({ "/api": () => json(builtIn), "/apis": () => json(others) });
    await assert.rejects(client.resource(wanted), (error) => {
      assert.ok(error instanceof EvenkeelError);
      assert.equal(error.what, `${kindKey(wanted)} is not served by the API server (${hint})`);
      return true;
    });
  });
}

test("discovery: what may help is known of a server without the aggregated form too", async () => {
  const { client } = world({
    "/api": () => json({ kind: "APIVersions", versions: ["v1"] }),
    "/apis": () => json({ kind: "APIGroupList", apiVersion: "v1", groups: [] }),
    "/api/v1": () => json({ kind: "APIResourceList", resources: [{ name: "pods", kind: "Pod", namespaced: true }] }),
  });
  await assert.rejects(client.resource(kind("v1", "pods")), /\(did you mean v1\/Pod\?\); correct the kind, or install/);
});

const available = () => json(core);
const unavailable = () => json(status(503, "ServiceUnavailable"), 503);

test("discovery: a stale group is trouble, not absence", async () => {
  const stale = group("example.com", "v1", [], "Stale");
  const { outcome } = world({ ...modern(() => [stale]), "/apis/example.com/v1": unavailable });
  assert.equal(await outcome(Widget), "API_UNAVAILABLE");
});

test("discovery: a group left out while its server is down is trouble, not absence", async () => {
  const { outcome } = world({ ...modern(() => [apps]), "/apis/example.com/v1": unavailable });
  assert.equal(await outcome(Widget), "API_UNAVAILABLE");
});

test("discovery: its own failure is thrown, and the next call asks again", async () => {
  let isUp = false;
  const { outcome } = world({ "/api": () => (isUp ? json(core) : unavailable()), "/apis": () => json(aggregated([])) });
  assert.equal(await outcome(ConfigMap), "API_UNAVAILABLE");
  isUp = true;
  assert.equal(await outcome(ConfigMap), "configmaps");
});

test("discovery: past its lifetime a known kind is used at once, and asked for beside that", async () => {
  let answer = available;
  const { outcome, asked, clock } = world({ "/api": () => answer(), "/apis": () => json(aggregated([])) });
  assert.equal(await outcome(ConfigMap), "configmaps");
  await clock.advance(10 * 60_000);
  assert.equal(asked.length, 2);
  await clock.advance(1);
  answer = unavailable;
  assert.equal(await outcome(ConfigMap), "configmaps");
  await settle();
  assert.equal(asked.length, 4);
  // The failure made nothing unknown, and is left alone for a while.
  assert.equal(await outcome(ConfigMap), "configmaps");
  await settle();
  assert.equal(asked.length, 4);
  await clock.advance(5_000);
  assert.equal(await outcome(ConfigMap), "configmaps");
  await settle();
  assert.equal(asked.length, 6);
});

test("discovery: one caller's abort is not another's", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const { client, outcome } = world({ "/api": () => promise, "/apis": () => json(aggregated([])) });
  const controller = new AbortController();
  const reason = new Error("stop");
  const aborted = assert.rejects(
    client.resource(ConfigMap, { signal: controller.signal }),
    (error) => error === reason,
  );
  const other = outcome(ConfigMap);
  await settle();
  controller.abort(reason);
  await aborted;
  resolve(json(core));
  assert.equal(await other, "configmaps");
});

test("discovery: asks for the aggregated form, newest first", async () => {
  const accepts: (string | null)[] = [];
  const transport = inProcessTransport(async (request) => {
    accepts.push(request.headers.get("accept"));
    return json(core);
  });
  await new ApiClient({ transport, clock: new VirtualClock() }).resource(ConfigMap);
  assert.match(accepts[0] ?? "", /^application\/json;g=apidiscovery\.k8s\.io;v=v2;as=APIGroupDiscoveryList,/);
});
