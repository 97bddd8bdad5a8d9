import assert from "node:assert/strict";
import { test } from "node:test";
import { age, humanDuration } from "../../../runtime/apiserver/resources/columns.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ROWS: readonly (readonly [number, string])[] = [
  [-5 * SECOND, "<invalid>"],
  [-1 * SECOND, "0s"],
  [0, "0s"],
  [119 * SECOND, "119s"],
  [2 * MINUTE, "2m"],
  [9 * MINUTE + 5 * SECOND, "9m5s"],
  [10 * MINUTE + 5 * SECOND, "10m"],
  [179 * MINUTE, "179m"],
  [3 * HOUR, "3h"],
  [7 * HOUR + 30 * MINUTE, "7h30m"],
  [47 * HOUR, "47h"],
  [2 * DAY + 4 * HOUR, "2d4h"],
  [8 * DAY + 4 * HOUR, "8d"],
  [729 * DAY, "729d"],
  [2 * 365 * DAY + 3 * DAY, "2y3d"],
  [9 * 365 * DAY + 3 * DAY, "9y"],
];

for (const [ms, text] of ROWS) test(`${ms} ms reads ${text}`, () => assert.equal(humanDuration(ms), text));

test("an age without a timestamp is unknown", () => assert.equal(age(undefined, 0), "<unknown>"));
