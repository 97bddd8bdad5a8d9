import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { newsOf } from "../../runtime/cli/news.ts";

const config = (prefixes: readonly string[]) => ({
  dryRun: new Set<string>(),
  functions: new Map<string, unknown>([["mirror", { prefixes }]]),
});
interface More {
  readonly prefixes?: readonly string[];
  /** What is broken: functions; undefined for the configuration. */
  readonly broken?: readonly (string | undefined)[];
}
const state = (functions: Readonly<Record<string, number>>, { prefixes = ["team-"], broken = [] }: More = {}) => ({
  functions: new Map(Object.entries(functions).map(([name, generation]) => [name, { generation }])),
  config: config(prefixes),
  problems: broken.map((about) => ({ about, message: "line 1 is bad" })),
});

suite("what a reload changed", () => {
  const before = state({ mirror: 1, greet: 2 });
  const ill = state({ mirror: 1, greet: 2 }, { broken: [undefined, "greet"] });
  const cases: readonly {
    name: string;
    before?: typeof before;
    after: typeof before;
    says: ReturnType<typeof newsOf>;
  }[] = [
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
      after: state({ mirror: 1, greet: 2 }, { prefixes: ["squad-"] }),
      says: [{ message: "configuration changed" }],
    },
    { name: "what is still broken, or newly so, was told when it broke", before: ill, after: ill, says: [] },
    {
      name: "a configuration and a function that are back to what they were",
      before: ill,
      after: before,
      says: [
        { message: "functions no longer broken", names: ["greet"] },
        { message: "configuration no longer broken" },
      ],
    },
    {
      name: "a function that is mended by a new version",
      before: ill,
      after: state({ mirror: 1, greet: 3 }, { broken: [undefined] }),
      says: [{ message: "functions changed", names: ["greet"] }],
    },
    {
      name: "a configuration that is mended by another one",
      before: ill,
      after: state({ mirror: 1, greet: 2 }, { prefixes: ["squad-"], broken: ["greet"] }),
      says: [{ message: "configuration changed" }],
    },
    {
      name: "a configuration that is good again since a function is there",
      before: ill,
      after: state({ mirror: 1, greet: 2, roster: 3 }, { broken: ["greet"] }),
      says: [{ message: "functions loaded", names: ["roster"] }, { message: "configuration no longer broken" }],
    },
  ];
  for (const { name, before: former = before, after, says } of cases)
    test(name, () => assert.deepEqual(newsOf(former, after), says));
});
