/** What a plain start says to whoever started it. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { welcomeText } from "../../runtime/cli/welcome.ts";

const about = {
  version: "1.2.3",
  server: "http://127.0.0.1:6443",
  kubeconfig: "/tmp/evenkeel/.evenkeel/kubeconfig",
  functions: "functions",
  health: "http://127.0.0.1:8080",
  status: undefined,
  metrics: undefined,
};

const line = (of: { readonly kubeconfig?: string | undefined }, begin: string): string =>
  welcomeText({ ...about, ...of })
    .split("\n")
    .find((each) => each.startsWith(`  ${begin} `)) ?? "";

suite("the welcome", () => {
  for (const [kubeconfig, written] of [
    ["/tmp/evenkeel/.evenkeel/kubeconfig", "/tmp/evenkeel/.evenkeel/kubeconfig"],
    ["/my folder/kubeconfig", "'/my folder/kubeconfig'"],
    ["/it's $HOME;/kubeconfig", `'/it'\\''s $HOME;/kubeconfig'`],
  ] as const)
    test(`names ${kubeconfig} as a shell takes it`, () => {
      assert.equal(
        line({ kubeconfig }, "kubectl"),
        `  kubectl    export KUBECONFIG=${written}; kubectl get configmaps -A`,
      );
    });

  test("says how kubectl goes on without a kubeconfig", () => {
    assert.equal(
      line({ kubeconfig: undefined }, "kubectl"),
      "  kubectl    kubectl --kubeconfig /dev/null -s http://127.0.0.1:6443 get configmaps -A   " +
        "(no kubeconfig: neither .evenkeel/ here nor TMPDIR can be written)",
    );
  });

  test("shows where health is told, where there is no status page", () => {
    assert.equal(line({}, "status"), "  status     http://127.0.0.1:8080/readyz?verbose");
  });
});
