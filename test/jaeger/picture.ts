/**
 * `node test/jaeger/picture.ts FILE`: makes a real trace, from a change to a ConfigMap through host and API server to etcd, reads
 * it back from Jaeger and draws it. The picture in docs/ is made by this.
 */
import { writeFile } from "node:fs/promises";

import { until } from "../support/wait.ts";
import type { JaegerSpan } from "./otlp.ts";
import { object, Stage } from "./stage.ts";
import { waterfall } from "./waterfall.ts";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("name the file to write");

const stage = await Stage.start();
try {
  await stage.apply(object("Namespace", { name: "team-a" }));
  const host = await stage.startHost(await stage.monitoringKubeconfig(), "picture");
  // The first reconcile of a process is slower than any other.
  for (const name of ["first", "second", "settings"])
    await stage.apply(object("ConfigMap", { name, namespace: "default", labels: { mirror: "true" } }, { data: {} }));
  const { root } = await stage.reconcileOf("mirror", "default/settings", ({ children }) => children.some(isRequest));
  const isWhole = async (): Promise<readonly JaegerSpan[] | undefined> => {
    const spans = await stage.jaeger.trace(root.traceId);
    return spans.some(({ service, kind }) => service === "etcd" && kind === "server") ? spans : undefined;
  };
  const spans = await until(isWhole, { what: "the trace reaches etcd" });
  await writeFile(file, waterfall(spans, "A ConfigMap is mirrored: one trace, from the change to etcd"));
  await host.stop();
} finally {
  await stage.stop();
}

function isRequest({ kind }: JaegerSpan): boolean {
  return kind === "client";
}
