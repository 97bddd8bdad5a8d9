/** What is not read costs no memory. `node test/cache/bytes-per-object.ts` prints the figures. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesPerObject } from "./bytes-per-object.ts";

/** So many that code compiled or dropped meanwhile, some 200 KB, is some 10 bytes of each object; a digest is 30. */
const COUNT = 20_000;

test("metadata of a ConfigMap of 1 KB takes less than half of the whole, and a digest next to nothing more", () => {
  const whole = bytesPerObject("whole", COUNT);
  const digest = bytesPerObject("metadata+digest", COUNT);
  const metadata = bytesPerObject("metadata", COUNT);
  const said = `whole ${whole}, metadata+digest ${digest}, metadata ${metadata} bytes`;
  assert.ok(metadata < whole / 2 && digest < whole / 2, said);
  assert.ok(metadata <= digest && digest < metadata + 100, said);
});
