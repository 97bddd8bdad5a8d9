/** What is around the resources: discovery in both forms, OpenAPI, tables, events in two versions, metrics, health. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Json, at, isList } from "../../runtime/apiserver/object.ts";
import { APPLY, MERGE } from "./client.ts";
import { world } from "./world.ts";

function list(value: Json | undefined): readonly Json[] {
  assert.ok(isList(value));
  return value;
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

test("both forms of discovery name the same kinds", async () => {
  const { api } = world();
  const classic: string[] = [];
  const groups = await api.get("/apis");
  const paths = list(groups.body["groups"]).map(
    (group) => `/apis/${name(at(group, "preferredVersion", "groupVersion"))}`,
  );
  for (const path of ["/api/v1", ...paths]) {
    const resources = await api.get(path);
    for (const one of list(resources.body["resources"])) classic.push(`${path}/${name(at(one, "name"))}`);
  }
  const aggregated: string[] = [];
  for (const root of ["/api", "/apis"]) {
    const { body, headers } = await api.get(root, AGGREGATED);
    assert.match(headers.get("content-type") ?? "", /as=APIGroupDiscoveryList/);
    for (const group of list(body["items"]))
      for (const version of list(at(group, "versions"))) {
        const path = [root, name(at(group, "metadata", "name")), name(at(version, "version"))]
          .filter((part) => part !== "")
          .join("/");
        for (const one of list(at(version, "resources"))) {
          aggregated.push(`${path}/${name(at(one, "resource"))}`);
          const below = at(one, "subresources");
          for (const sub of isList(below) ? below : [])
            aggregated.push(`${path}/${name(at(one, "resource"))}/${name(at(sub, "subresource"))}`);
        }
      }
  }
  assert.ok(classic.includes("/api/v1/configmaps") && classic.includes("/apis/apps/v1/deployments/scale"));
  assert.deepEqual(aggregated.toSorted(), classic.toSorted());
});

function name(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

test("the root lists paths, each of which is served", async () => {
  const { api } = world();
  const { body } = await api.get("/");
  const paths = list(body["paths"]).map(name);
  for (const path of ["/api/v1", "/apis/apps", "/apis/apps/v1", "/metrics", "/version"])
    assert.ok(paths.includes(path));
  for (const path of paths) assert.equal((await api.raw(path)).status, 200, path);
});

test("who wants to be somebody else is refused, not answered as admin", async () => {
  const { server } = world();
  const headers = { "impersonate-user": "somebody" };
  const answer = await server.fetch(new Request("http://apiserver.test/api/v1/namespaces", { headers }));
  assert.equal(answer.status, 403);
});

test("OpenAPI has a document for every group and version, and says that field validation is done here", async () => {
  const { api } = world();
  const index = await api.get("/openapi/v3");
  const found = Object.entries(Object(index.body["paths"]));
  assert.deepEqual(found.map(([path]) => path).toSorted(), [
    "api/v1",
    "apis/apps/v1",
    "apis/authentication.k8s.io/v1",
    "apis/authorization.k8s.io/v1",
    "apis/coordination.k8s.io/v1",
    "apis/events.k8s.io/v1",
  ]);
  const core = await api.get("/openapi/v3/api/v1");
  const patch = at(core.body, "paths", "/api/v1/namespaces/{namespace}/configmaps/{name}", "patch");
  assert.ok(list(at(patch, "parameters")).some((one) => at(one, "name") === "fieldValidation"));
  assert.equal((await api.get("/openapi/v3/apis/none/v1")).status, 404);
});

test("OpenAPI v2 is a document without kinds, in the protobuf that kubectl asks for", async () => {
  const answer = await world().api.raw("/openapi/v2");
  assert.equal(answer.headers.get("content-type"), "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  assert.deepEqual([...(await answer.bytes())], [0x0a, 3, ...Buffer.from("2.0")]);
});

test("a table has a cell for every column, and ages count in the server's time", async () => {
  const { api, clock } = world();
  await api.post("/api/v1/namespaces/default/configmaps", { metadata: { name: "a" }, data: { x: "1", y: "2" } });
  await clock.advance(90_000);
  const { body } = await api.get("/api/v1/namespaces/default/configmaps", TABLE);
  assert.equal(body["kind"], "Table");
  assert.deepEqual(
    list(body["columnDefinitions"]).map((column) => at(column, "name")),
    ["Name", "Data", "Age"],
  );
  const [row] = list(body["rows"]);
  assert.deepEqual(at(row, "cells"), ["a", 2, "90s"]);
  assert.equal(at(row, "object", "kind"), "PartialObjectMetadata");
});

test("an event is one object with two forms", async () => {
  const { api } = world();
  const core = "/api/v1/namespaces/default/events";
  const modern = "/apis/events.k8s.io/v1/namespaces/default/events";
  const involvedObject = { kind: "ConfigMap", name: "x", namespace: "default" };
  await api.post(core, {
    metadata: { name: "e" },
    involvedObject,
    reason: "Mirrored",
    message: "hello",
    type: "Normal",
    count: 2,
  });
  const seen = await api.get(`${modern}/e`);
  assert.equal(seen.body["apiVersion"], "events.k8s.io/v1");
  assert.deepEqual(
    [seen.body["note"], at(seen.body, "regarding", "name"), seen.body["deprecatedCount"]],
    ["hello", "x", 2],
  );
  await api.patch(`${core}/e`, MERGE, { message: "changed" });
  assert.equal((await api.get(`${modern}/e`)).body["note"], "changed");
  const selected = await api.get(`${core}?fieldSelector=involvedObject.name%3Dx,reason%3DMirrored`);
  assert.equal(list(selected.body["items"]).length, 1);
});

test("an event in events.k8s.io/v1 can be applied and watched in core/v1", async () => {
  const { api } = world();
  const event = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "e" },
    regarding: { kind: "ConfigMap", name: "x", namespace: "default" },
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "example.com/host",
    reportingInstance: "host-1",
    action: "Mirror",
    reason: "Mirrored",
    note: "hello",
    type: "Normal",
  };
  const path = "/apis/events.k8s.io/v1/namespaces/default/events/e?fieldManager=host";
  assert.equal((await api.patch(path, APPLY, event)).status, 201);
  const watch = await api.watch("/api/v1/namespaces/default/events?watch=1");
  const [added] = await watch.take(1);
  assert.equal(added?.object["message"], "hello");
  assert.equal(added?.object["reportingComponent"], "example.com/host");
  await watch.cancel();
});

test("an event lasts an hour after its last write, and then is DELETED", async () => {
  const { api, clock } = world();
  const path = "/api/v1/namespaces/default/events";
  const involvedObject = { kind: "ConfigMap", name: "x", namespace: "default" };
  for (const name of ["once", "again"]) await api.post(path, { metadata: { name }, involvedObject, type: "Normal" });
  await clock.advance(40 * 60_000);
  const renewed = await api.patch(`${path}/again`, MERGE, { count: 2 });
  const version = name(at(renewed.body, "metadata", "resourceVersion"));
  const watch = await api.watch(`${path}?watch=1&resourceVersion=${version}`);
  await clock.advance(21 * 60_000);
  assert.deepEqual(await watch.names(1), ["DELETED once"]);
  assert.equal((await api.get(`${path}/again`)).status, 200);
  await clock.advance(40 * 60_000);
  assert.equal((await api.get(`${path}/again`)).status, 404);
  await watch.cancel();
});

test("requests are counted as the real server counts them", async () => {
  const { api } = world();
  const path = "/api/v1/namespaces/default/configmaps";
  await api.post(path, { metadata: { name: "a" } });
  await api.post(path, { metadata: { name: "a" } });
  await api.patch(`${path}/a?fieldManager=m&dryRun=All`, APPLY, {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a" },
  });
  const text = await (await api.raw("/metrics")).text();
  for (const line of [
    counter("POST", "", "namespace", 201),
    counter("POST", "", "namespace", 409),
    counter("APPLY", "All", "resource", 200),
  ])
    assert.ok(text.includes(line), line);
});

function counter(verb: string, dryRun: string, scope: string, code: number): string {
  const request = `verb="${verb}",dry_run="${dryRun}"`;
  const target = `group="",version="v1",resource="configmaps",subresource="",scope="${scope}"`;
  return `apiserver_request_total{${request},${target},component="apiserver",code="${code}"} 1`;
}

test("health, version and unknown paths", async () => {
  const { api } = world();
  for (const path of ["/healthz", "/livez", "/readyz"]) assert.equal(await (await api.raw(path)).text(), "ok");
  assert.equal((await api.get("/version")).body["major"], "1");
  const unknown = await api.get("/nothing");
  assert.deepEqual([unknown.status, unknown.body["kind"], unknown.body["reason"]], [404, "Status", "NotFound"]);
});

test("the same seed gives the same history, uids and generated names included", async () => {
  assert.deepEqual(await generated(), await generated());
});

async function generated(): Promise<Json> {
  const { body } = await world().api.post("/api/v1/namespaces/default/configmaps", {
    metadata: { generateName: "a-" },
  });
  return body;
}

test("two servers in one process share nothing", async () => {
  const [one, other] = [world(), world()];
  await one.api.post("/api/v1/namespaces/default/configmaps", { metadata: { name: "a" } });
  assert.equal((await other.api.get("/api/v1/namespaces/default/configmaps/a")).status, 404);
});
