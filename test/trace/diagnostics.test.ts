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
