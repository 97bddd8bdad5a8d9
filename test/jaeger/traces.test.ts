/**
 * The traces as their users see them: host, kube-apiserver and etcd as processes of their own, a real Jaeger that they all send to,
 * and everything read back through Jaeger's query API.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";

import { attributes as keys } from "../../runtime/trace/names.ts";
import { describeWhereOneStarts } from "../controlplane/on-control-plane.ts";
import type { HostProcess } from "../e2e/host-process.ts";
import { hostRights } from "../e2e/rights.ts";
import { until } from "../support/wait.ts";
import { describeWithJaeger } from "./jaeger.ts";
import type { JaegerSpan } from "./otlp.ts";
import { object, Stage, type Found } from "./stage.ts";
import { flat, path, printed, roots, type TreeSpan } from "./tree.ts";

/** In every object's data, and in what a function throws. */
const CANARY = "canary-5f2c9e";
const ARRIVES_MS = 30_000;

/** Insists on a namespace that is on its way out. */
const INSIST = `import { ConfigMap, defineFunction, select } from "#evenkeel";
export default defineFunction({
  watches: select(ConfigMap, { labels: { insist: "true" } }),
  writes: [ConfigMap],
  reconcile: ({ metadata: { name }, data }) => ({
    children: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "leaving" }, data: data ?? {} }],
  }),
});
`;

/** Fails, and says more than it should. */
const CARELESS = `import { ConfigMap, defineFunction, select } from "#evenkeel";
export default defineFunction({
  watches: select(ConfigMap, { labels: { careless: "true" } }),
  writes: [ConfigMap],
  reconcile: ({ data }) => {
    throw new Error("cannot read " + JSON.stringify(data));
  },
});
`;

describeWithJaeger("traces in a real Jaeger", () => {
  describeWhereOneStarts("of a host on a real API server", {}, () => {
    let stage: Stage;
    let host: HostProcess;

    before(async () => {
      stage = await Stage.start({ "insist.ts": INSIST, "careless.ts": CARELESS });
      await stage.apply(
        ...["team-a", "team-b", "team-taken", "team-full", "leaving"].map((name) => object("Namespace", { name })),
      );
      await stage.apply(
        object("ConfigMap", { name: "settings", namespace: "team-taken" }, { data: { whose: CANARY } }),
        object(
          "ResourceQuota",
          { name: "full", namespace: "team-full" },
          { spec: { hard: { "count/configmaps": "0" } } },
        ),
      );
      // What kube-controller-manager would fill in.
      const status = { status: { hard: { "count/configmaps": "0" }, used: { "count/configmaps": "0" } } };
      const patch = ["--type=merge", "--subresource=status", "-p", JSON.stringify(status)];
      await stage.kubectl(["patch", "resourcequota", "full", "-n", "team-full", ...patch]);
      await stage.kubectl(["delete", "namespace", "leaving", "--wait=false"]);
    });
    after(() => stage?.stop());

    suite("as an ordinary ServiceAccount", () => {
      let mirrored: Found;

      before(async () => {
        const { kubeconfig } = await stage.controlPlane.serviceAccount({
          ...hostRights(),
          namespace: "evenkeel",
          name: "host",
        });
        host = await stage.startHost(kubeconfig, "first");
        await stage.apply(
          source("settings", { mirror: "true" }),
          source("insisting", { insist: "true" }),
          source("careless", { careless: "true" }),
        );
        mirrored = await stage.reconcileOf("mirror", "default/settings", ({ children }) => children.some(isWrite));
      });

      test("a reconcile is one trace: why it ran, what it read, decided and wrote, and what comes next", (context) => {
        const { root, spans } = mirrored;
        context.diagnostic(`\n${printed(spans)}`);
        assert.deepEqual(new Set(spans.map(({ service }) => service)), new Set(["evenkeel"]));
        assert.equal(root.resource["service.version"], "0.1.0");
        assert.deepEqual(root.attributes[keys.wakes], ["source added"]);
        assert.equal(root.attributes[keys.namespace], "default");
        assert.equal(root.attributes[keys.name], "settings");

        const run = only(root, "run mirror");
        assert.deepEqual(run.attributes[keys.reads], [
          "v1/ConfigMap */settings [mirror=true] (metadata) → 1",
          "v1/Namespace */team-* (metadata) → 4",
        ]);
        assert.equal(run.attributes[keys.wantsChildren], 4);
        assert.equal(only(root, "plan").attributes[keys.planCreates], 4);
        const creates = root.children.filter(({ name }) => name === "create v1/ConfigMap");
        assert.deepEqual(
          creates
            .map(({ kind, attributes }) => [kind, String(attributes[keys.namespace]), attributes[keys.result]] as const)
            .toSorted((a, b) => (a[1] < b[1] ? -1 : 1)),
          [
            ["client", "team-a", "ok"],
            ["client", "team-b", "ok"],
            ["client", "team-full", "denied"],
            ["client", "team-taken", "conflict"],
          ],
        );
        for (const span of flat(root)) if (!isRequest(span)) assert.equal(span.kind, "internal", span.name);
        assert.equal(root.attributes[keys.outcome], "error");
        assert.ok(Number(root.attributes[keys.requeueAfterMs]) > 0, "a refused write is tried again");
      });

      test("what was refused is an error, in the request and in the reconcile, by its code", () => {
        const denied = requestTo(mirrored.root, "create v1/ConfigMap", "team-full");
        assert.deepEqual([denied.status, denied.statusMessage], ["error", "API_FORBIDDEN"]);
        assert.equal(denied.attributes[keys.httpStatus], 403);
        assert.equal(denied.attributes[keys.statusReason], "Forbidden");
        assert.deepEqual([mirrored.root.status, mirrored.root.statusMessage], ["error", "API_FORBIDDEN"]);
      });

      test("a name that a stranger holds is an outcome: seen by a read, no error", () => {
        const conflict = requestTo(mirrored.root, "create v1/ConfigMap", "team-taken");
        assert.equal(conflict.status, "unset");
        assert.equal(conflict.attributes[keys.httpStatus], 409);
        const look = requestTo(mirrored.root, "get v1/ConfigMap", "team-taken");
        assert.equal(look.attributes[keys.asks], "whose is it?");
        assert.deepEqual([look.status, look.attributes[keys.result]], ["unset", "not_ours"]);
      });

      test("later runs read whether the name is free, and link to the run that put them off", async (context) => {
        const { root, spans } = await stage.reconcileOf("mirror", "default/settings", ({ children }) =>
          children.some(({ attributes }) => attributes[keys.asks] === "is the name free?"),
        );
        context.diagnostic(`\n${printed(spans)}`);
        const probe = requestTo(root, "get v1/ConfigMap", "team-taken");
        assert.deepEqual([probe.status, probe.attributes[keys.result]], ["unset", "not_ours"]);
        const [link] = root.links;
        assert.equal(link?.attributes[keys.wake], "requeue");
        const [previous] = roots(await stage.jaeger.trace(link.traceId));
        assert.equal(previous?.spanId, link.spanId);
        assert.equal(previous.name, "reconcile mirror");
      });

      test("a namespace on its way out is an outcome, not an error", async () => {
        const { root } = await stage.reconcileOf("insist", "default/insisting", ({ children }) =>
          children.some(isWrite),
        );
        const create = requestTo(root, "create v1/ConfigMap", "leaving");
        assert.deepEqual([create.status, create.attributes[keys.result]], ["unset", "terminating"]);
        assert.equal(root.status, "unset");
        assert.equal(root.attributes[keys.outcome], "requeue_after");
      });

      test("a function that throws is an error by its code, without its words", async () => {
        const { root } = await stage.reconcileOf("careless", "default/careless", ({ children }) =>
          children.some(isRequest),
        );
        for (const span of [root, only(root, "run careless")])
          assert.deepEqual([span.status, span.statusMessage], ["error", "FUNCTION_THREW"]);
        assert.equal(root.attributes[keys.outcome], "error");
        const event = only(root, "create events.k8s.io/v1/Event");
        assert.deepEqual(
          [event.attributes[keys.eventReason], event.attributes[keys.result]],
          ["ReconcileFailed", "ok"],
        );
      });

      test("a reconcile that our own write woke links to that write", async (context) => {
        const { root } = await stage.reconcileOf("cleanup-on-delete", "team-a/settings");
        const create = requestTo(mirrored.root, "create v1/ConfigMap", "team-a");
        context.diagnostic(`\n${printed([root])}`);
        assert.deepEqual(root.links, [
          { traceId: create.traceId, spanId: create.spanId, attributes: { [keys.wake]: "source added" } },
        ]);
      });

      test("the API server's own trace of a request is found by its audit-id, and links back", async (context) => {
        const create = requestTo(mirrored.root, "create v1/ConfigMap", "team-a");
        const auditId = String(create.attributes[keys.auditId]);
        assert.equal(auditId, `${create.traceId}-${create.spanId}`);
        const { root, spans } = await until(
          async () => {
            for (const spans of await stage.jaeger.traces({ service: "apiserver", tags: { "audit-id": auditId } })) {
              const [root] = roots(spans);
              if (root !== undefined && spans.some(({ service }) => service === "etcd")) return { root, spans };
            }
            return undefined;
          },
          { what: "the API server's trace, down to etcd", limitMs: ARRIVES_MS },
        );
        context.diagnostic(`\n${printed(spans)}`);
        assert.notEqual(root.traceId, create.traceId);
        assert.equal(root.attributes["http.response.status_code"], 201);
        assert.deepEqual(
          root.links.map(({ traceId, spanId }) => ({ traceId, spanId })),
          [{ traceId: create.traceId, spanId: create.spanId }],
        );
      });

      test("before a deletion there is a second look; keys that ask the same share one read", async (context) => {
        await stage.kubectl(["delete", "configmap", "settings"]);
        const found = await Promise.all(
          ["team-a", "team-b"].map((namespace) =>
            stage.reconcileOf("cleanup-on-delete", `${namespace}/settings`, ({ children }) => children.some(isWrite)),
          ),
        );
        const reads = found.flatMap(({ root }) => only(root, "second look").children);
        for (const { root, spans } of found) {
          context.diagnostic(`\n${printed(spans)}`);
          const look = only(root, "second look");
          const query = "v1/ConfigMap default/settings [mirror=true]";
          assert.deepEqual(look.attributes[keys.reads], [`${query} (metadata) → 0`, `${query} (departed) → 1`]);
          assert.equal(look.attributes[keys.confirmed], 1);
          const [read] = [...look.children, ...reads.filter(({ spanId }) => look.links[0]?.spanId === spanId)];
          assert.equal(read?.name, "get v1/ConfigMap");
          assert.deepEqual([read.kind, read.status, read.attributes[keys.result]], ["client", "unset", "not_found"]);
          const remove = only(root, "delete v1/ConfigMap");
          assert.equal(remove.attributes[keys.result], "ok");
          assert.ok(look.endNs <= remove.startNs, "first the look, then the deletion");
        }
      });

      test("a deletion that has to wait says so, and the run that carries it out links back", async () => {
        const { root } = await stage.reconcileOf("cleanup-on-delete", "team-a/settings", ({ children }) =>
          children.some(isWrite),
        );
        const link = root.links.find(({ attributes }) => attributes[keys.wake] === "requeue");
        const [previous] = roots(await stage.jaeger.trace(String(link?.traceId)));
        assert.ok(previous !== undefined);
        assert.equal(previous.attributes[keys.outcome], "requeue_after");
        assert.deepEqual(only(previous, "plan").attributes[keys.planWaits], [
          "delete v1/ConfigMap team-a/settings: grace",
        ]);
      });

      test("each request that a reconcile makes carries its span; leases, lists and watches of the host carry none", async () => {
        await host.stop();
        const ours = await until(
          async () => {
            const all = (await stage.jaeger.traces({ service: "apiserver" })).flat();
            const requests = all.filter(({ attributes }) =>
              String(attributes["user_agent.original"]).startsWith("evenkeel"),
            );
            return requests.some((request) => isWatch(request)) ? requests : undefined;
          },
          { what: "the watches of the host have ended", limitMs: ARRIVES_MS },
        );
        const spans = new Set(
          (await stage.jaeger.traces({ service: "evenkeel" }))
            .flat()
            .filter(isRequest)
            .map(({ spanId }) => spanId),
        );
        const isLinked = ({ links }: JaegerSpan): boolean => links.some(({ spanId }) => spans.has(spanId));
        const named = ours.map((request) => `${isLinked(request) ? "linked" : "alone"} ${requestLine(request)}`);
        const wrong = named.filter((line) => MUST_BE_LINKED.test(line) || MUST_BE_ALONE.test(line));
        assert.deepEqual(wrong, []);
        for (const seen of [
          /^linked POST/,
          /^linked DELETE/,
          /^linked GET/,
          /^alone PUT .*leases/,
          /^alone GET .*watch=true/,
        ])
          assert.ok(
            named.some((line) => seen.test(line)),
            `${seen} in\n${named.join("\n")}`,
          );
      });
    });

    suite("in group system:monitoring", () => {
      let mirrored: Found;

      before(async () => {
        host = await stage.startHost(await stage.monitoringKubeconfig(), "second");
        await stage.apply(source("traced", { mirror: "true" }));
        mirrored = await stage.reconcileOf("mirror", "default/traced", ({ children }) => children.some(isWrite));
      });

      test("one trace goes from the cause through reconcile, request and API server to etcd", async (context) => {
        const create = requestTo(mirrored.root, "create v1/ConfigMap", "team-a");
        const spans = await until(
          async () => {
            const spans = await stage.jaeger.trace(create.traceId);
            const below = spans.filter((span) => path(spans, span).includes(create.name));
            return below.some(({ service, kind }) => service === "etcd" && kind === "server") ? spans : undefined;
          },
          { what: "the trace reaches etcd", limitMs: ARRIVES_MS },
        );
        context.diagnostic(`\n${printed(spans)}`);
        assert.deepEqual(new Set(spans.map(({ service }) => service)), new Set(["evenkeel", "apiserver", "etcd"]));
        const server = spans.find(({ service, parentId }) => service === "apiserver" && parentId === create.spanId);
        assert.equal(server?.kind, "server");
        assert.equal(server.attributes["audit-id"], create.attributes[keys.auditId]);
        const transaction = spans.find(
          (span) => span.service === "etcd" && path(spans, span).includes(server.name) && span.name.endsWith("KV/Txn"),
        );
        assert.ok(transaction !== undefined);
        const way = path(spans, transaction);
        assert.deepEqual(way.slice(0, 3), ["reconcile mirror", "create v1/ConfigMap", server.name]);
        assert.equal(roots(spans).length, 1);
      });

      test("no data value is anywhere: not of the host, the API server or etcd", async () => {
        await host.stop();
        const ids = new Set<string>();
        for (const service of await stage.jaeger.services())
          for (const spans of await stage.jaeger.traces({ service })) for (const { traceId } of spans) ids.add(traceId);
        assert.ok(ids.size > 20, `${ids.size} traces`);
        for (const id of ids) assert.ok(!(await stage.jaeger.raw(id)).includes(CANARY), id);
      });
    });
  });
});

const MUST_BE_LINKED = /^alone (POST|PUT|PATCH|DELETE) (?!.*\/leases)/;
const MUST_BE_ALONE = /^linked .*(\/leases|watch=true)/;

function requestLine({ attributes }: JaegerSpan): string {
  return `${String(attributes["http.request.method"])} ${String(attributes["http.target"] ?? attributes["url.path"])}`;
}

function isWatch(span: JaegerSpan): boolean {
  return requestLine(span).includes("watch=true");
}

function isRequest({ kind }: JaegerSpan): boolean {
  return kind === "client";
}

function isWrite(span: JaegerSpan): boolean {
  return isRequest(span) && /^(create|delete) v1\/ConfigMap$/.test(span.name);
}

function only(root: TreeSpan, name: string): TreeSpan {
  const found = flat(root).filter((span) => span.name === name);
  const [span] = found;
  assert.ok(span !== undefined && found.length === 1, `one span ${name}, not ${found.length}`);
  return span;
}

function requestTo(root: TreeSpan, name: string, namespace: string): TreeSpan {
  const span = flat(root).find((span) => span.name === name && span.attributes[keys.namespace] === namespace);
  assert.ok(span !== undefined, `${name} in ${namespace}`);
  return span;
}

function source(name: string, labels: Readonly<Record<string, string>>): object {
  return object("ConfigMap", { name, namespace: "default", labels }, { data: { colour: CANARY } });
}
