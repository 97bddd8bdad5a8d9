/** What one load read, and whether the disk still says so. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { suite, test } from "node:test";
import { Sources } from "../../runtime/reconcile/sources.ts";
import { tempFolder, type TempFolder } from "../support/temp-folder.ts";

interface Row {
  readonly name: string;
  readonly change: (folder: TempFolder) => Promise<void>;
  readonly isCurrent: boolean;
}

suite("sources: after a load that read a.ts and found no b.ts,", () => {
  const rows: readonly Row[] = [
    { name: "an untouched folder is current", change: async () => {}, isCurrent: true },
    {
      name: "a file written again with the same text is current",
      change: (folder) => folder.write("a.ts", "a"),
      isCurrent: true,
    },
    {
      name: "a file put in its place with the same text is current",
      change: (folder) => folder.replace("a.ts", "a"),
      isCurrent: true,
    },
    { name: "another text is not", change: (folder) => folder.write("a.ts", "b"), isCurrent: false },
    {
      name: "the same text with a line end more is not",
      change: (folder) => folder.write("a.ts", "a\n"),
      isCurrent: false,
    },
    { name: "a file that is gone is not", change: (folder) => folder.remove("a.ts"), isCurrent: false },
    { name: "a file that came is not", change: (folder) => folder.write("b.ts", ""), isCurrent: false },
    {
      name: "a file that nobody read is none of its business",
      change: (folder) => folder.write("c.ts", "c"),
      isCurrent: true,
    },
  ];
  for (const { name, change, isCurrent } of rows) {
    test(name, async (context) => {
      const folder = await tempFolder(context, { "a.ts": "a" });
      const sources = new Sources();
      sources.note(join(folder.path, "a.ts"), "a");
      sources.note(join(folder.path, "b.ts"), undefined);
      await change(folder);
      assert.equal(sources.isCurrent(), isCurrent);
    });
  }
});

suite("sources: what is kept", () => {
  const orders: readonly {
    readonly name: string;
    readonly read: readonly [string, string | undefined][];
    readonly last: unknown;
  }[] = [
    { name: "nothing, when nothing was read", read: [], last: undefined },
    { name: "nothing, when nothing was there", read: [["/a", undefined]], last: undefined },
    {
      name: "the later of two",
      read: [
        ["/a", "1"],
        ["/b", "2"],
      ],
      last: { path: "/b", text: "2" },
    },
    {
      name: "the one that was there, when the later was not",
      read: [
        ["/a", "1"],
        ["/b", undefined],
      ],
      last: { path: "/a", text: "1" },
    },
    { name: "an empty file", read: [["/a", ""]], last: { path: "/a", text: "" } },
  ];
  for (const { name, read, last } of orders) {
    test(`as the last: ${name}`, () => {
      const sources = new Sources();
      for (const [path, text] of read) sources.note(path, text);
      assert.deepEqual(sources.last, last);
    });
  }
});
