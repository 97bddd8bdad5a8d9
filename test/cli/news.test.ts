import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { newsOf } from "../../runtime/cli/news.ts";

const config = (prefixes: readonly string[]) => ({
  dryRun: new Set<string>(),
  functions: new Map<string, unknown>([["mirror", { prefixes }]]),
});
const state = (functions: Readonly<Record<string, number>>, prefixes: readonly string[] = ["team-"]) => ({
  functions: new Map(Object.entries(functions).map(([name, generation]) => [name, { generation }])),
  config: config(prefixes),
});

suite("what a reload changed", () => {
  const before = state({ mirror: 1, greet: 2 });
  const cases: readonly { name: string; after: typeof before; says: ReturnType<typeof newsOf> }[] = [
    { name: "nothing is no news", after: state({ mirror: 1, greet: 2 }), says: [] },
    {
      name: "a new function",
      after: state({ mirror: 1, greet: 2, roster: 3 }),
      says: [{ message: "functions loaded", names: ["roster"] }],
    },
    {
      name: "a new version",
      after: state({ mirror: 3, greet: 2 }),
      says: [{ message: "functions changed", names: ["mirror"] }],
    },
    {
      name: "a function that is gone",
      after: state({ mirror: 1 }),
      says: [{ message: "functions gone", names: ["greet"] }],
    },
    {
      name: "a renamed one",
      after: state({ mirror: 1, hello: 3 }),
      says: [
        { message: "functions loaded", names: ["hello"] },
        { message: "functions gone", names: ["greet"] },
      ],
    },
    {
      name: "another configuration",
      after: state({ mirror: 1, greet: 2 }, ["squad-"]),
      says: [{ message: "configuration changed" }],
    },
  ];
  for (const { name, after, says } of cases) test(name, () => assert.deepEqual(newsOf(before, after), says));
});
