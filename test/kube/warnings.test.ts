/** The header `warning` in the forms that API servers and proxies give it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { warningTexts } from "../../runtime/kube/warnings.ts";

const rows: readonly {
  readonly name: string;
  readonly header: string | undefined;
  readonly texts: readonly string[];
}[] = [
  { name: "no header", header: undefined, texts: [] },
  { name: "one", header: '299 - "v1 Foo is deprecated"', texts: ["v1 Foo is deprecated"] },
  { name: "two in one header", header: '299 - "a, b", 299 - "c"', texts: ["a, b", "c"] },
  { name: "quotes and backslashes", header: String.raw`299 - "field \"x\" \\ y"`, texts: [String.raw`field "x" \ y`] },
  { name: "a date at the end", header: '299 - "a" "Sat, 25 Aug 2012 23:34:45 GMT"', texts: ["a"] },
  { name: "other codes are not the API server's", header: '110 - "stale"', texts: [] },
  { name: "nonsense", header: "oh no", texts: [] },
];

for (const { name, header, texts } of rows) {
  test(`warnings: ${name}`, () => assert.deepEqual(warningTexts(header), texts));
}
