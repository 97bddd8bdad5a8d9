/** What needs no Jaeger: whether there is one, and how its answers are read and drawn. */
import assert from "node:assert/strict";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { suite, test } from "node:test";

import { tempFolder } from "../support/temp-folder.ts";
import { verdictOf } from "./jaeger.ts";
import { readOtlp } from "./otlp.ts";
import { path, printed, roots } from "./tree.ts";
import { waterfall } from "./waterfall.ts";

suite("tests that need Jaeger", () => {
  const rows = [
    { name: "run where there is Go", files: ["go"], CI: "true", kind: "run" },
    { name: "are skipped where there is neither Go nor a build", files: [], CI: "", kind: "skip" },
    { name: "fail in CI where there is neither", files: [], CI: "true", kind: "fail" },
  ];
  for (const { name, files, CI, kind } of rows)
    test(name, async (context) => {
      const folder = await tempFolder(context, Object.fromEntries(files.map((file) => [file, ""])));
      for (const file of files) await chmod(join(folder.path, file), 0o755);
      const verdict = verdictOf({ PATH: folder.path, XDG_CACHE_HOME: join(folder.path, "cache"), CI });
      assert.equal(verdict.kind, kind);
    });
});

suite("a trace that Jaeger shows", () => {
  const attribute = { key: "list", value: { arrayValue: { values: [{ stringValue: "a" }, { stringValue: "b" }] } } };
  const json = JSON.stringify({
    result: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: "service.name", value: { stringValue: "evenkeel" } }] },
          // In no order, as Jaeger has them.
          scopeSpans: [
            {
              spans: [
                span("child <&>", "b7ad6b7169203331", "00f067aa0ba902b7", {
                  status: { code: 2, message: "API_FORBIDDEN" },
                }),
                span("root", "00f067aa0ba902b7", "", {
                  attributes: [attribute, { key: "count", value: { intValue: "3" } }],
                  links: [{ traceId: "f", spanId: "e", attributes: [{ key: "why", value: { stringValue: "retry" } }] }],
                }),
              ],
            },
          ],
        },
      ],
    },
  });

  test("is read with times to the nanosecond, attributes, links and status", () => {
    const [child, root] = readOtlp(json);
    assert.deepEqual(root?.attributes, { list: ["a", "b"], count: 3 });
    assert.deepEqual(root?.links, [{ traceId: "f", spanId: "e", attributes: { why: "retry" } }]);
    assert.deepEqual([child?.kind, child?.status, child?.statusMessage], ["client", "error", "API_FORBIDDEN"]);
    assert.equal((child?.endNs ?? 0n) - (child?.startNs ?? 0n), 2_500_000n);
  });

  test("that is not there has no spans", () => {
    assert.deepEqual(readOtlp(`{"error":{"httpCode":404,"message":"No traces found"}}`), []);
  });

  test("is a tree by parents, whatever the order", () => {
    const spans = readOtlp(json);
    assert.deepEqual(
      roots(spans).map(({ name, children }) => [name, children.map((child) => child.name)]),
      [["root", ["child <&>"]]],
    );
    const child = spans.find(({ name }) => name.startsWith("child"));
    assert.ok(child !== undefined);
    assert.deepEqual(path(spans, child), ["root", "child <&>"]);
    assert.equal(
      printed(spans),
      "[evenkeel] root 2.5 ms list=[a; b] count=3\n│  ↪ f e why=retry\n└─ [evenkeel] child <&> 2.5 ms ERROR API_FORBIDDEN",
    );
  });

  test("is drawn with a row per span, errors apart, and text that is text", () => {
    const svg = waterfall(readOtlp(json), `"a" & b`);
    assert.equal([...svg.matchAll(/<rect class="(?:s0|error)" [^>]*height="10"/g)].length, 2);
    assert.match(svg, /child &lt;&amp;&gt;/);
    assert.match(svg, /aria-label="&quot;a&quot; &amp; b"/);
    assert.match(svg, /<rect class="error"/);
  });
});

function span(name: string, spanId: string, parentSpanId: string, more: object = {}): object {
  return {
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    spanId,
    parentSpanId,
    name,
    kind: 3,
    startTimeUnixNano: "1700000000000000000",
    endTimeUnixNano: "1700000000002500000",
    ...more,
  };
}
