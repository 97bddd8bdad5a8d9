import assert from "node:assert/strict";
import { rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { z } from "zod";
import {
  isAbsent,
  MAX_CONFIG_BYTES,
  parseConfig,
  readConfigText,
  type Config,
  type Functions,
} from "../../runtime/host/config-file.ts";
import { watchConfig, type Reading } from "../../runtime/host/config-watch.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import { InlineCell } from "../support/inline-cell.ts";
import { defineFunction } from "../../runtime/reconcile/define.ts";
import { Arrivals } from "../support/arrivals.ts";
import { NearClock } from "../support/near-clock.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";

const mirrorDefinition = defineFunction({
  watches: ConfigMap,
  config: z.strictObject({ prefixes: z.array(z.string().min(1)).min(1), limit: z.number().default(40) }),
  reconcile: () => ({}),
});
const plain = new InlineCell("plain", defineFunction({ watches: ConfigMap, reconcile: () => ({}) }));
const mirror = new InlineCell("mirror", mirrorDefinition);
const functions: Functions = new Map([
  ["mirror", mirror],
  ["cleanup-on-delete", plain],
]);

const parse = (text: string, of: Functions = functions): Promise<Config> =>
  parseConfig(text, { file: "evenkeel.yaml", functions: of });
const good = "functions:\n  mirror:\n    prefixes: [team-]\n";
const TAIL = "; correct the file";

suite("what a good file means", () => {
  const limit = 40;
  const cases: readonly { name: string; text: string; of?: Functions; means: Config }[] = [
    {
      name: "a section for each function, with its schema's defaults",
      text: good,
      means: {
        dryRun: new Set(),
        functions: new Map<string, unknown>([
          ["mirror", { prefixes: ["team-"], limit }],
          ["cleanup-on-delete", undefined],
        ]),
      },
    },
    {
      name: "an empty file",
      text: "",
      of: new Map([["plain", plain]]),
      means: { dryRun: new Set(), functions: new Map([["plain", undefined]]) },
    },
    { name: "only a comment", text: "# later\n", of: new Map(), means: { dryRun: new Set(), functions: new Map() } },
    {
      name: "an empty section",
      text: "functions:\n  plain:\n",
      of: new Map([["plain", plain]]),
      means: { dryRun: new Set(), functions: new Map([["plain", undefined]]) },
    },
    {
      name: "dry run of everything",
      text: "dryRun: true",
      of: new Map(),
      means: { dryRun: true, functions: new Map() },
    },
    {
      name: "dry run of nothing",
      text: "dryRun: false",
      of: new Map(),
      means: { dryRun: new Set(), functions: new Map() },
    },
    {
      name: "dry run of some",
      text: "dryRun: [plain]",
      of: new Map([["plain", plain]]),
      means: { dryRun: new Set(["plain"]), functions: new Map([["plain", undefined]]) },
    },
    {
      name: "a section for a function that does not load now",
      text: "functions: { mirror: { prefixes: 1 } }\ndryRun: [mirror]",
      of: new Map([["mirror", undefined]]),
      means: { dryRun: new Set(["mirror"]), functions: new Map() },
    },
    {
      name: "yes and on as text: this is YAML 1.2",
      text: "functions: { mirror: { prefixes: [yes, on] } }",
      of: new Map([["mirror", mirror]]),
      means: { dryRun: new Set(), functions: new Map([["mirror", { prefixes: ["yes", "on"], limit }]]) },
    },
  ];
  for (const { name, text, of, means } of cases) test(name, async () => assert.deepEqual(await parse(text, of), means));
});

suite("what is wrong is told with file, line and column", () => {
  const cases: readonly { name: string; text: string; says: readonly string[] }[] = [
    {
      name: "bad YAML",
      text: "functions:\n  mirror: [1, 2\n",
      says: ["evenkeel.yaml:3:1: Flow sequence in block collection must"],
    },
    {
      name: "a tab",
      text: "functions:\n\tmirror: 1\n",
      says: ["evenkeel.yaml:2:1: Tabs are not allowed as indentation"],
    },
    {
      name: "a list",
      text: "- functions\n",
      says: ["evenkeel.yaml:1:1: must hold keys and values: functions, dryRun"],
    },
    { name: "a word", text: "functions", says: ["evenkeel.yaml:1:1: must hold keys and values"] },
    {
      name: "two documents",
      text: `${good}---\n${good}`,
      says: ["evenkeel.yaml:4:1: a second document; there is room for one"],
    },
    {
      name: "YAML 1.1, where yes is no text",
      text: `%YAML 1.1\n---\n${good}`,
      says: ["evenkeel.yaml:1:1: YAML 1.1 is not supported"],
    },
    {
      name: "an unknown key",
      text: `${good}funtions: {}\n`,
      says: ["evenkeel.yaml:4:1: funtions: there is no such key; did you mean functions?"],
    },
    {
      name: "a key given twice",
      text: `${good}functions: {}\n`,
      says: ["evenkeel.yaml:4:1: functions: the key is given twice"],
    },
    {
      name: "a section given twice",
      text: `${good}  "mirror": {}\n`,
      says: ["evenkeel.yaml:4:3: mirror: the key is given twice"],
    },
    { name: "a key that is a list", text: `? [a]\n: 1\n`, says: ["evenkeel.yaml:1:3: a key is a plain word"] },
    { name: "a tag", text: `functions: !secret {}\n`, says: ["evenkeel.yaml:1:12: Unresolved tag: !secret"] },
    { name: "an alias", text: `dryRun: &a [*a]\n`, says: ["evenkeel.yaml:1:13: *a: an alias; write the value itself"] },
    {
      name: "functions that are a list",
      text: "functions: [mirror]\n",
      says: ["evenkeel.yaml:1:1: functions: must hold a section for each function"],
    },
    {
      name: "a section for no function",
      text: `${good}  miror: {}\n`,
      says: [
        "evenkeel.yaml:4:3: functions.miror: there is no such function (there are cleanup-on-delete, mirror); did you mean mirror?",
      ],
    },
    {
      name: "a dry run of a wrong type",
      text: `${good}dryRun: mirror\n`,
      says: ["evenkeel.yaml:4:9: dryRun: must be true, or a list of functions"],
    },
    {
      name: "a dry run of no function",
      text: `${good}dryRun: [mirror, x]\n`,
      says: ["evenkeel.yaml:4:18: dryRun[1]: x: there is no such function"],
    },
    {
      name: "a dry run of a number",
      text: `${good}dryRun: [1]\n`,
      says: ["evenkeel.yaml:4:10: dryRun[0]: must be the name of a function"],
    },
    {
      name: "a configuration that the function does not take",
      text: `${good}  cleanup-on-delete: { a: 1 }\n`,
      says: ["evenkeel.yaml:4:3: functions.cleanup-on-delete: the function takes no configuration"],
    },
    {
      name: "a value of a wrong type: at the value",
      text: "functions:\n  mirror:\n    prefixes: [a]\n    limit: many\n",
      says: ["evenkeel.yaml:4:12: functions.mirror.limit: Invalid input: expected number, received string"],
    },
    {
      name: "a missing key: at the nearest parent that is there",
      text: "functions:\n  mirror:\n    limit: 1\n",
      says: ["evenkeel.yaml:2:3: functions.mirror.prefixes: Invalid input: expected array, received undefined"],
    },
    {
      name: "a missing section: at functions",
      text: "dryRun: true\nfunctions:\n",
      says: ["evenkeel.yaml:2:1: functions.mirror.prefixes: Invalid input: expected array, received undefined"],
    },
    {
      name: "words that YAML takes for something else: quote them",
      text: "functions:\n  mirror:\n    prefixes: [a, 1.0, true,\n      ~]\n",
      says: [
        'evenkeel.yaml:3:19: functions.mirror.prefixes[1]: Invalid input: expected string, received number; 1.0 is no text in YAML, write "1.0"',
        'evenkeel.yaml:3:24: functions.mirror.prefixes[2]: Invalid input: expected string, received boolean; true is no text in YAML, write "true"',
        'evenkeel.yaml:4:7: functions.mirror.prefixes[3]: Invalid input: expected string, received null; ~ is no text in YAML, write "~"',
      ],
    },
    {
      name: "everything that is wrong, not only the first",
      text: "functions:\n  mirror: { prefixes: [] }\n  x:\ndryRun: 1\n",
      says: [
        "evenkeel.yaml:3:3: functions.x:",
        "evenkeel.yaml:4:9: dryRun:",
        "evenkeel.yaml:2:13: functions.mirror.prefixes: Too small",
      ],
    },
    { name: "nesting without end", text: `functions: ${"[".repeat(50_000)}`, says: ["evenkeel.yaml:1:"] },
    {
      name: "a file of aliases that would grow",
      text: `a: &a [1]\nb: &b [${"*a,".repeat(9)}]\n`,
      says: Array.from({ length: 9 }, () => "evenkeel.yaml:2:"),
    },
  ];
  for (const { name, text, says } of cases) {
    test(name, async () => {
      await assert.rejects(parse(text), (error) => {
        assert.ok(error instanceof EvenkeelError);
        assert.equal(error.code, "CONFIG_INVALID");
        assert.ok(error.message.endsWith(TAIL));
        const lines = error.message.split("\n");
        for (const [index, say] of says.entries()) assert.ok(lines[index]?.startsWith(say), error.message);
        if (!name.startsWith("nesting")) assert.equal(lines.length, says.length, error.message);
        return true;
      });
    });
  }

  test("no hint to quote where text would not do either", async () => {
    await assert.rejects(parse("functions: { mirror: { prefixes: true } }"), {
      message: /received boolean; correct the file/,
    });
  });

  test("a key called __proto__ is a key like any other", async () => {
    await assert.rejects(parse("__proto__: { functions: {} }"), { message: /:1:1: __proto__: there is no such key/ });
  });

  test("a file full of mistakes is refused in seconds, with the first twenty", async () => {
    const text = `functions:\n${Array.from({ length: 40_000 }, (_, i) => `  k${i}: ${i}`).join("\n")}`;
    await assert.rejects(parse(text, new Map()), {
      message: /functions\.k19: there is no such function \(there is none\)\n… and more;/,
    });
  });
});

suite("the file itself", () => {
  const cases: readonly { name: string; bytes?: string | Uint8Array; code: string; says: RegExp }[] = [
    {
      name: "one that is not there",
      code: "FILE_NOT_FOUND",
      says: /evenkeel\.yaml: the configuration cannot be read \(ENOENT\); check the path$/,
    },
    {
      name: "one that is too large",
      bytes: "#".repeat(MAX_CONFIG_BYTES + 1),
      code: "CONFIG_INVALID",
      says: /:1:1: 1048577 bytes, more than/,
    },
    {
      name: "one that is no text",
      bytes: new Uint8Array([0x61, 0xff, 0xfe]),
      code: "CONFIG_INVALID",
      says: /:1:1: not UTF-8 text/,
    },
  ];
  for (const { name, bytes, code, says } of cases) {
    test(`${name} is refused`, async (context) => {
      const folder = await tempFolder(context);
      const file = join(folder.path, "evenkeel.yaml");
      if (bytes !== undefined) await writeFile(file, bytes);
      await assert.rejects(readConfigText(file), { code, message: says });
    });
  }

  test("a byte order mark is no part of the text", async (context) => {
    const folder = await tempFolder(context, { "evenkeel.yaml": `\uFEFF${good}` });
    assert.equal(await readConfigText(join(folder.path, "evenkeel.yaml")), good);
  });
});

/** The poll never comes: what arrives was told by an event. */
async function watched(context: TestContext, prepare: (folder: TempFolder) => Promise<void>) {
  const folder = await tempFolder(context);
  await prepare(folder);
  const readings = new Arrivals<Reading>();
  const file = join(folder.path, "evenkeel.yaml");
  const watch = await watchConfig({ file, clock: new NearClock(), onChange: readings.push });
  context.after(() => watch.close());
  return { folder, initial: watch.initial, readings };
}

suite("watching", () => {
  test("a file that is renamed over is read again; an equal one is not", async (context) => {
    const { folder, initial, readings } = await watched(context, (each) => each.write("evenkeel.yaml", "1"));
    assert.equal(initial, "1");
    await folder.replace("evenkeel.yaml", "2");
    assert.equal(await readings.next(), "2");
    await folder.replace("evenkeel.yaml", "2");
    await folder.replace("evenkeel.yaml", "3");
    assert.equal(await readings.next(), "3");
    assert.equal(readings.untakenCount, 0);
  });

  test("a ConfigMap volume is read again when the kubelet swaps its data folder", async (context) => {
    const { folder, initial, readings } = await watched(context, async (each) => {
      await each.write("..1/evenkeel.yaml", "1");
      await symlink("..1", join(each.path, "..data"));
      await symlink("..data/evenkeel.yaml", join(each.path, "evenkeel.yaml"));
    });
    assert.equal(initial, "1");
    await folder.replace("..2/evenkeel.yaml", "2");
    await symlink("..2", join(folder.path, "..data_tmp"));
    await rename(join(folder.path, "..data_tmp"), join(folder.path, "..data"));
    assert.equal(await readings.next(), "2");
  });

  test("a file that is a link is read again when its target changes", async (context) => {
    const { folder, readings } = await watched(context, async (each) => {
      await each.write("elsewhere/my.yaml", "1");
      await symlink("elsewhere/my.yaml", join(each.path, "evenkeel.yaml"));
    });
    await folder.replace("elsewhere/my.yaml", "2");
    assert.equal(await readings.next(), "2");
  });

  test("a file that comes, goes and comes again is told each time", async (context) => {
    const { folder, initial, readings } = await watched(context, async () => {});
    assert.ok(isAbsent(initial));
    await folder.replace("evenkeel.yaml", "1");
    assert.equal(await readings.next(), "1");
    await folder.remove("evenkeel.yaml");
    assert.ok(isAbsent(await readings.next()));
    await folder.replace("evenkeel.yaml", "1");
    assert.equal(await readings.next(), "1");
    assert.equal(readings.untakenCount, 0);
  });
});
