/** Whatever protocol `OTEL_EXPORTER_OTLP_PROTOCOL` names, a real Jaeger has the last trace when the host has ended. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setUpTracing } from "../../runtime/trace/tracing.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { start } from "../trace/spans.ts";
import { describeWithJaeger, startJaeger, type Jaeger } from "./jaeger.ts";

describeWithJaeger("a real Jaeger at the end of the process", () => {
  let jaeger: Jaeger;
  before(async () => {
    jaeger = await startJaeger();
  });
  after(() => jaeger.stop());

  for (const protocol of ["http/protobuf", "http/json", "grpc"])
    test(`has the last trace by ${protocol}`, async () => {
      const said: string[] = [];
      // It does not move: however long an answer takes, it is waited for.
      const clock = new VirtualClock();
      const tracing = await setUpTracing({
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: protocol === "grpc" ? `http://${jaeger.otlpGrpc}` : jaeger.otlpHttp,
          OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
        },
        serviceVersion: "0.1.0",
        clock,
        log: { info: (message) => void said.push(message) },
      });
      const trace = tracing.reconciles.start(start);
      trace.end({ outcome: "success" });
      await tracing.shutdown(2_000);
      const spans = await jaeger.trace(trace.traceId);
      assert.deepEqual(spans.map(({ name }) => name).toSorted(), ["queue", "reconcile mirror"]);
      assert.deepEqual([tracing.droppedSpanCount, said], [0, []]);
    });
});
