/** Which URL each call has, and which names never become part of one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource } from "../../runtime/kube/api.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { collectionPath, creationPath, objectPath, queryString } from "../../runtime/kube/resource-path.ts";

const resource = (apiVersion: string, kind: string, plural: string, isNamespaced: boolean): Resource => ({
  kind: { apiVersion, kind },
  group: "",
  plural,
  isNamespaced,
});
const configMaps = resource("v1", "ConfigMap", "configmaps", true);
const deployments = resource("apps/v1", "Deployment", "deployments", true);
const clusterRoles = resource("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", false);

test("path: collections, objects and subresources have the paths of the API server", () => {
  assert.equal(collectionPath(configMaps, undefined, ""), "/api/v1/configmaps");
  assert.equal(collectionPath(configMaps, "", ""), "/api/v1/configmaps");
  assert.equal(collectionPath(configMaps, "team-a", ""), "/api/v1/namespaces/team-a/configmaps");
  assert.equal(creationPath(clusterRoles, undefined, ""), "/apis/rbac.authorization.k8s.io/v1/clusterroles");
  assert.equal(
    objectPath(deployments, { namespace: "team-a", name: "web" }, "", "status"),
    "/apis/apps/v1/namespaces/team-a/deployments/web/status",
  );
});

test("path: names keep their capitals, and what a URL cannot carry is encoded", () => {
  const path = objectPath(clusterRoles, { name: "system:Foo?x#y z" }, "");
  assert.equal(path, "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3AFoo%3Fx%23y%20z");
});

const refused: readonly { readonly name: string; readonly why: string; readonly path: () => string }[] = [
  {
    name: "an empty name",
    why: "it would be the whole collection, and DELETE would empty it",
    path: () => objectPath(configMaps, { namespace: "team-a", name: "" }, "delete"),
  },
  ...[".", "..", "a/b", "../secrets", "a%2fb"].map((name) => ({
    name: `the name ${name}`,
    why: "it would be another path",
    path: () => objectPath(configMaps, { namespace: "team-a", name }, "get"),
  })),
  {
    name: "the namespace ..",
    why: "it would be another path",
    path: () => collectionPath(configMaps, "..", "list"),
  },
  {
    name: "an object of a namespaced kind without its namespace",
    why: "there is no such path",
    path: () => objectPath(configMaps, { name: "a" }, "get"),
  },
  {
    name: "a creation of a namespaced kind without its namespace",
    why: "there is no such path",
    path: () => creationPath(configMaps, "", "create"),
  },
  {
    name: "a namespace for a cluster-scoped kind",
    why: "what was meant to stay in a namespace would rule the cluster",
    path: () => objectPath(clusterRoles, { namespace: "team-a", name: "admin" }, "create"),
  },
];

for (const { name, why, path } of refused) {
  test(`path: ${name} is refused`, () => {
    assert.throws(path, (error) => error instanceof EvenkeelError && error.code === "API_INVALID", why);
  });
}

test("query: values are encoded, absent ones left out", () => {
  assert.equal(queryString({}), "");
  assert.equal(
    queryString({ labelSelector: "a in (b,c),!d", limit: 500, continue: undefined, watch: true }),
    "?labelSelector=a%20in%20(b%2Cc)%2C!d&limit=500&watch=true",
  );
});
