/** The base and each overlay are taken by a real API server that refuses unknown fields, and mean there what they should. */
import assert from "node:assert/strict";
import { request } from "node:https";
import { cpSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";
import { until } from "../support/wait.ts";
import { Deployed, MANIFESTS } from "./deployed.ts";
import { generate } from "./generate.ts";
import { TYPE_CHECKER, typeWarnings } from "./policies.ts";
import { CONTROL_PLANE, holds } from "./refusal.ts";
import { suiteFolder } from "./suite-folder.ts";

/** As the Prometheus Operator has it, as far as this test needs it: the fields that the overlay uses, and no others. */
const SERVICE_MONITOR = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "servicemonitors.monitoring.coreos.com" },
  spec: {
    group: "monitoring.coreos.com",
    scope: "Namespaced",
    names: { kind: "ServiceMonitor", plural: "servicemonitors", singular: "servicemonitor" },
    versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: serviceMonitorSchema() } }],
  },
};

function serviceMonitorSchema(): object {
  const text = { type: "string" };
  const tlsConfig = fields({ insecureSkipVerify: { type: "boolean" } });
  const endpoint = fields({ port: text, scheme: text, path: text, interval: text, bearerTokenFile: text, tlsConfig });
  const selector = fields({ matchLabels: { type: "object", additionalProperties: text } });
  return fields({ spec: fields({ selector, endpoints: { type: "array", items: endpoint } }) });
}

function fields(properties: object): object {
  return { type: "object", properties };
}

const controllers = ["namespace-controller", TYPE_CHECKER];

describeOnControlPlane("the manifests", { controllers }, (controlPlane) => {
  const folder = suiteFolder();
  let deployed: Deployed;

  before(async () => {
    deployed = await Deployed.on(controlPlane(), folder());
  });

  /** An overlay of somebody's own, beside a copy of the manifests. */
  async function overlay(name: string, kustomization: object): Promise<string> {
    const manifests = join(folder(), "manifests");
    cpSync(MANIFESTS, manifests, { recursive: true });
    const path = join(manifests, "overlays", name);
    await mkdir(path);
    await writeFile(join(path, "kustomization.yaml"), JSON.stringify(kustomization));
    return path;
  }

  test("are the same when they are applied again", async () => {
    await deployed.apply(MANIFESTS);
    const { code, stdout } = await deployed.cluster.kubectl(["diff", "-k", MANIFESTS, "--server-side"]);
    assert.equal(code, 0, stdout);
  });

  test("hold policies whose expressions the API server finds well typed", async () => {
    assert.deepEqual(await typeWarnings(deployed), { "evenkeel.configmaps": [], "evenkeel.other": [] });
  });

  test("hold a pod that the restricted pod security standard lets in", async () => {
    const template = await deployed.admin(
      "get",
      "deployment",
      "evenkeel",
      "-n",
      "evenkeel",
      "-o",
      "jsonpath={.spec.template}",
    );
    const { spec } = JSON.parse(template) as { readonly spec: object };
    const create = (spec: object): ReturnType<Deployed["cluster"]["kubectl"]> => {
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "pod", namespace: "evenkeel" }, spec };
      return deployed.cluster.kubectl(["create", "--dry-run=server", "-f", "-"], { input: JSON.stringify(pod) });
    };
    const { code, stderr } = await create(spec);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "", "no warning");
    const loose = await create({ ...spec, securityContext: {} });
    assert.match(loose.stderr, /violates PodSecurity "restricted:v/, "so the standard is enforced");
  });

  test("give the renewals of the Lease the level of leader elections", async () => {
    const uid = await deployed.admin("get", "flowschema", "evenkeel-leases", "-o", "jsonpath={.metadata.uid}");
    const path = "/apis/coordination.k8s.io/v1/namespaces/evenkeel/leases/evenkeel";
    const header = await until(
      async () => {
        const answer = await flowSchemaOf(deployed, path);
        return answer === uid ? answer : undefined;
      },
      { what: "the FlowSchema takes effect" },
    );
    assert.equal(header, uid);
    assert.notEqual(await flowSchemaOf(deployed, "/api/v1/configmaps?limit=1"), uid, "and nothing else");
  });

  test("take the overlay `prometheus`, with the Prometheus Operator there", async () => {
    await deployed.adminApply(SERVICE_MONITOR);
    await deployed.admin(
      "wait",
      "--for=condition=Established",
      `crd/${SERVICE_MONITOR.metadata.name}`,
      "--timeout=30s",
    );
    await deployed.apply(join(MANIFESTS, "overlays", "prometheus"));
    const ingress = await deployed.admin(
      "get",
      "networkpolicy",
      "evenkeel",
      "-n",
      "evenkeel",
      "-o",
      "jsonpath={.spec.ingress}",
    );
    assert.match(ingress, /monitoring/);
    // Who reads /metrics is asked of the API server; the fence lets the questions through, which store nothing.
    const review = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token: "nobody's" } };
    const answer = await deployed.kubectl(["create", "--validate=false", "-f", "-"], JSON.stringify(review));
    assert.equal(answer.code, 0, answer.stderr);
  });

  test("let the Prometheus that the overlay names find what it scrapes, in the host's namespace alone", async () => {
    const account = "system:serviceaccount:monitoring:prometheus-k8s";
    const canList = async (resource: string, namespace: string): Promise<string> =>
      (await deployed.cluster.kubectl(["auth", "can-i", "list", resource, "-n", namespace, "--as", account])).stdout;
    for (const resource of ["services", "endpoints", "pods", "endpointslices.discovery.k8s.io"]) {
      assert.equal(await canList(resource, "evenkeel"), "yes\n", resource);
      assert.equal(await canList(resource, "default"), "no\n", resource);
    }
  });

  test("take the overlay `jaeger`", async () => {
    await deployed.apply(join(MANIFESTS, "overlays", "jaeger"));
    const env = await deployed.admin("get", "deployment", "evenkeel", "-n", "evenkeel", "-o", "jsonpath={..env}");
    assert.match(env, /"OTEL_EXPORTER_OTLP_ENDPOINT","value":"http:\/\/jaeger\.evenkeel\.svc:4318"/);
  });

  test("take the overlay `one-prefix`, and the fence is narrower", async () => {
    const copy = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "c",
        namespace: "team-b-1",
        labels: { "evenkeel.dev/function": "mirror" },
        annotations: {
          "evenkeel.dev/owner": "ConfigMap/default/c",
          "evenkeel.dev/owner-uid": "u",
          "evenkeel.dev/self": "ConfigMap/team-b-1/c",
        },
      },
    };
    const create = async (): Promise<string> =>
      (await deployed.kubectl(["create", "--dry-run=server", "-f", "-"], JSON.stringify(copy))).stderr;
    await deployed.admin("create", "namespace", "team-b-1");
    assert.equal(await create(), "", "within the prefix of the base");
    await deployed.apply(join(MANIFESTS, "overlays", "one-prefix"));
    const isNarrow = async (): Promise<boolean> => /one of: team-a-$/m.test(await create());
    await until(isNarrow, { what: "the narrower fence stands" });
    const config = await deployed.admin(
      "get",
      "configmap",
      "evenkeel-config",
      "-n",
      "evenkeel",
      "-o",
      "jsonpath={.data}",
    );
    assert.match(config, /team-a-/);
  });

  test("take components together, over an overlay", async () => {
    const components = ["jaeger", "prometheus"].map((name) => `../../components/${name}`);
    const path = await overlay("all", { resources: ["../one-prefix"], components });
    const { code, stdout, stderr } = await deployed.cluster.kubectl(["kustomize", path]);
    assert.equal(code, 0, stderr);
    for (const part of [/OTEL_EXPORTER_OTLP_ENDPOINT/, /kind: ServiceMonitor/, /expression: '\["team-a-"\]'/])
      assert.match(stdout, part);
  });

  test("leave a namespace that is there alone, when they are applied to it and when they are deleted", async () => {
    const manifests = join(folder(), "there");
    cpSync(MANIFESTS, manifests, { recursive: true });
    const { code, said } = generate("--dir", manifests, "--namespace", "there");
    assert.equal(code, 0, said);
    for (const folder of ["", "overlays/jaeger", "overlays/prometheus", "overlays/one-prefix"])
      assert.doesNotMatch(await deployed.admin("kustomize", join(manifests, folder)), /kind: Namespace$/m, folder);
    await deployed.admin("create", "namespace", "there");
    await deployed.admin("create", "configmap", "of-others", "-n", "there");
    const read = ["get", "namespace", "there", "-o", "jsonpath={.metadata.labels}{.status.phase}"];
    const before = await deployed.admin(...read);
    await deployed.apply(manifests);
    await deployed.admin("delete", "-k", manifests, "--wait=false");
    assert.equal(await deployed.admin(...read), before);
    await deployed.admin("get", "configmap", "of-others", "-n", "there");
    // What is not in the namespace is gone for the tests that follow.
    await deployed.apply(MANIFESTS);
  });

  // Last: the account of the others loses its rights.
  test("moved by kustomize's `namespace`, stay fenced, with a Lease there", async () => {
    await deployed.apply(await overlay("moved", { resources: ["../../base"], namespace: "platform" }));
    const { kubeconfig } = await controlPlane().serviceAccount({ namespace: "platform", name: "evenkeel" });
    const create = (object: object): ReturnType<Deployed["cluster"]["kubectl"]> =>
      deployed.cluster.kubectl(["create", "-f", "-"], { kubeconfig, input: JSON.stringify(object) });
    const metadata = { name: "evenkeel", namespace: "platform" };
    holds(
      await create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "kube-system" } }),
      CONTROL_PLANE,
    );
    holds(await create({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: {} }));
  });
});

/** The FlowSchema that the API server put a request of the account under, by uid. */
async function flowSchemaOf({ cluster, tokenFile }: Deployed, path: string): Promise<string | undefined> {
  const headers = { authorization: `Bearer ${await readFile(tokenFile, "utf8")}` };
  const ca = await readFile(cluster.caFile);
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  const asked = request(`${cluster.url}${path}`, { ca, headers, agent: false });
  asked.on("response", (response) => {
    response.resume();
    resolve(response.headers["x-kubernetes-pf-flowschema-uid"]?.toString());
  });
  asked.on("error", reject);
  asked.end();
  return promise;
}
