import assert from "node:assert/strict";
import { afterEach, suite, test } from "node:test";
import { diag } from "@opentelemetry/api";
import { Diagnostics } from "../../runtime/trace/diagnostics.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

afterEach(() => diag.disable());

function listening() {
  const clock = new VirtualClock();
  const lines: [string, Readonly<Record<string, string | number>>][] = [];
  const diagnostics = new Diagnostics(clock, (message, fields) => void lines.push([message, fields]));
  diagnostics.listen();
  return { clock, lines, diagnostics };
}

/** As the SDK's error handler prints it. */
const refused = JSON.stringify({
  stack: "Error: connect ECONNREFUSED 127.0.0.1:4318\n    at TCPConnectWrap",
  message: "connect ECONNREFUSED 127.0.0.1:4318",
  code: "ECONNREFUSED",
});

suite("a failing export", () => {
  test("is one line with the reason and no stack", () => {
    const { lines } = listening();
    diag.error(refused);
    assert.deepEqual(lines, [["traces could not be exported", { error: "connect ECONNREFUSED 127.0.0.1:4318" }]]);
  });

  test("is said at most once a minute, with the number held back, and always counted", async () => {
    const { clock, lines, diagnostics } = listening();
    for (let second = 0; second < 60; second += 5) {
      diag.error(refused);
      await clock.advance(5_000);
    }
    assert.equal(lines.length, 1);
    diag.error(refused);
    assert.equal(lines.length, 2);
    assert.equal(lines[1]?.[1]["sinceLastLine"], 11);
    assert.equal(diagnostics.exportErrorCount, 13);
  });

  for (const [message, line] of [
    ["plain text\nsecond line", "plain text"],
    ['{"message":"","code":"ETIMEDOUT"}', "ETIMEDOUT"],
    ["[1]", "[1]"],
    ["null", "null"],
  ] as const)
    test(`reported as ${JSON.stringify(message)} reads ${line}`, () => {
      const { lines } = listening();
      diag.error(message);
      assert.equal(lines[0]?.[1]["error"], line);
    });
});

suite("dropped spans", () => {
  test("are added up", () => {
    const { lines, diagnostics } = listening();
    diag.warn("Dropped 12 spans because maxQueueSize reached");
    diag.warn("Dropped 30 spans because maxQueueSize reached");
    assert.equal(diagnostics.droppedSpanCount, 42);
    assert.equal(lines.length, 1);
  });
});

/** As the delegate of the exporters says it: behind its own name, with the error and what came. */
function unreadable(body: string): void {
  const what = "Export succeeded but could not deserialize response - is the response specification compliant?";
  diag.createComponentLogger({ namespace: "OTLPExportDelegate" }).warn(what, new Error("wire type"), Buffer.from(body));
}

function partly(partialSuccess: object): void {
  diag.warn("Received Partial Success response:", JSON.stringify(partialSuccess));
}

const NO_COLLECTOR = "what answers is a web page and no collector: check OTEL_EXPORTER_OTLP_ENDPOINT";

suite("an export that was answered with 200", () => {
  const rows: readonly {
    readonly name: string;
    readonly answered: () => void;
    readonly line?: readonly [string, Readonly<Record<string, string | number>>];
    readonly droppedSpanCount?: number;
    readonly exportErrorCount?: number;
  }[] = [
    {
      name: "in part says how many spans the collector refused, and why",
      answered: () => partly({ rejectedSpans: "3", errorMessage: "the quota is used up\nsorry" }),
      line: ["spans refused by the collector", { droppedSpanCount: 3, why: "the quota is used up" }],
      droppedSpanCount: 3,
    },
    {
      name: "in part, without a reason",
      answered: () => partly({ rejectedSpans: 2 }),
      line: ["spans refused by the collector", { droppedSpanCount: 2, why: "" }],
      droppedSpanCount: 2,
    },
    {
      name: "with a warning",
      answered: () => partly({ rejectedSpans: 0, errorMessage: "use gRPC" }),
      line: ["the collector warns", { warning: "use gRPC" }],
    },
    { name: "with a warning that says nothing", answered: () => partly({ rejectedSpans: "0", errorMessage: "" }) },
    { name: "with what is no answer at all", answered: () => partly([]) },
    {
      name: "by a web page, where JSON is asked for",
      answered: () =>
        diag.warn(`Failed to parse trace export response: Unexpected token '<', "<html>"... is not valid JSON.`),
      line: ["traces could not be exported", { error: NO_COLLECTOR }],
      exportErrorCount: 1,
    },
    {
      name: "by a web page, where protobuf is asked for",
      answered: () => unreadable(" \n<!doctype html><title>c4n4ry"),
      line: ["traces could not be exported", { error: NO_COLLECTOR }],
      exportErrorCount: 1,
    },
    {
      name: "by what cannot be read: whoever says it may have taken them",
      answered: () => unreadable("ok c4n4ry"),
      line: ["the answer to an export could not be read", { error: "wire type" }],
    },
    {
      name: "by JSON that cannot be read",
      answered: () =>
        diag.warn("Failed to parse trace export response: Unexpected token 'o'. Returning empty response"),
      line: [
        "the answer to an export could not be read",
        { error: "Failed to parse trace export response: Unexpected token 'o'. Returning empty response" },
      ],
    },
  ];
  for (const { name, answered, line, droppedSpanCount = 0, exportErrorCount = 0 } of rows)
    test(`${name}: counted each time, said once a minute`, async () => {
      const { clock, lines, diagnostics } = listening();
      for (let i = 0; i < 3; i++) {
        answered();
        await clock.advance(5_000);
      }
      assert.deepEqual(lines, line === undefined ? [] : [line]);
      assert.deepEqual(
        [diagnostics.droppedSpanCount, diagnostics.exportErrorCount],
        [3 * droppedSpanCount, 3 * exportErrorCount],
      );
    });

  test("is known to have been by a web page for as long as it is looked at", async () => {
    const { diagnostics } = listening();
    unreadable("<html>");
    assert.equal(diagnostics.isAnsweredByPage, true);
    await Promise.resolve();
    assert.equal(diagnostics.isAnsweredByPage, false);
  });
});

suite("what else the SDK warns of", () => {
  test("is about a setting as long as it is set up, each told; then it is said rarely, with all its words", () => {
    const { lines, diagnostics } = listening();
    diag.warn("a is invalid");
    diag.warn("b is invalid");
    diagnostics.settled();
    for (let i = 0; i < 3; i++) diag.createComponentLogger({ namespace: "Some" }).warn("odd", { a: 1 }, new Error("c"));
    assert.deepEqual(lines, [
      ["tracing setting ignored", { setting: "a is invalid" }],
      ["tracing setting ignored", { setting: "b is invalid" }],
      ["OpenTelemetry warns", { warning: "Some odd c" }],
    ]);
  });
});
