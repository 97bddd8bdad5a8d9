/** Who may read /metrics, asked of a real API server with the two rights that this takes and no other. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { MetricsAccess } from "../../runtime/host/metrics-access.ts";
import { codeOf } from "../../runtime/kube/errors.ts";
import { kubeconfigCredentials } from "../../runtime/kube/kubeconfig.ts";
import { Reviews } from "../../runtime/kube/reviews.ts";
import { UndiciTransport } from "../../runtime/kube/undici-transport.ts";
import type { PolicyRule, ServiceAccount } from "../controlplane/cluster.ts";
import { describeOnControlPlane } from "../controlplane/on-control-plane.ts";

const NAMESPACE = "metrics-access";
const reviewRules: readonly PolicyRule[] = [
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

describeOnControlPlane("access to /metrics on a real kube-apiserver", {}, (controlPlane) => {
  const account = (name: string, clusterRules: readonly PolicyRule[]): Promise<ServiceAccount> =>
    controlPlane().serviceAccount({ namespace: NAMESPACE, name, rules: [], clusterRules });

  test("goes by the RBAC of the account behind the token", async (context) => {
    const { ask, codes } = await accessOf(context, await account("host", reviewRules));
    const scraper = await account("scraper", [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }]);
    const nobody = await account("nobody", []);
    assert.deepEqual([await ask(scraper.token), await ask(nobody.token), await ask("made-up")], [200, 403, 401]);
    assert.deepEqual(codes, []);
  });

  test("is closed while the host lacks either right", async (context) => {
    const scraper = await account("scraper", [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }]);
    for (const [i, rule] of reviewRules.entries()) {
      const { ask, codes } = await accessOf(context, await account(`half-${i}`, [rule]));
      assert.equal(await ask(scraper.token), 503);
      assert.deepEqual(codes, ["API_FORBIDDEN"]);
    }
  });

  // Last: nothing works after it.
  test("is closed while the API server is down", async (context) => {
    const host = await account("host", reviewRules);
    const scraper = await account("scraper", [{ nonResourceURLs: ["/metrics"], verbs: ["get"] }]);
    const { ask, codes } = await accessOf(context, host);
    await controlPlane().stop();
    assert.equal(await ask(scraper.token), 503);
    assert.deepEqual(codes, ["API_UNREACHABLE"]);
  });
});

async function accessOf(context: TestContext, { kubeconfig }: ServiceAccount) {
  const clock = systemClock;
  const credentials = await kubeconfigCredentials({ clock, files: [kubeconfig], context: undefined });
  const transport = new UndiciTransport({ credentials });
  context.after(() => transport.close());
  const codes: string[] = [];
  const onFailed = (error: unknown): void => void codes.push(codeOf(error));
  const access = new MetricsAccess({ reviews: new Reviews({ transport, clock }), clock, onFailed });
  const ask = async (token: string): Promise<number> => (await access.refusal(`Bearer ${token}`))?.status ?? 200;
  return { ask, codes };
}
