/** An answer as undici's parser hands it out, without a network: what waits for its reader, and what is too long for one. */
import assert from "node:assert/strict";
import { constants } from "node:buffer";
import { test } from "node:test";
import type { Dispatcher } from "undici";
import { Deadline } from "../../runtime/kube/deadline.ts";
import { codeOf, EvenkeelError } from "../../runtime/kube/errors.ts";
import { receive } from "../../runtime/kube/received-answer.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const MIB = 2 ** 20;
/** Handed out again and again: an answer of any length takes no more memory than this. */
const PIECE = Buffer.alloc(MIB, " ");

const toFailure = (error: unknown): unknown => error;

/** What undici would do for a request, step by step. */
function exchange(when: "begun" | "whole") {
  const did: string[] = [];
  const controller: Dispatcher.DispatchController = {
    aborted: false,
    paused: false,
    reason: null,
    abort: () => void did.push("abort"),
    pause: () => void did.push("pause"),
    resume: () => void did.push("resume"),
  };
  let handler: Dispatcher.DispatchHandler = {};
  const dispatch: Dispatcher["dispatch"] = (_, given) => {
    handler = given;
    handler.onRequestStart?.(controller, {});
    return true;
  };
  const ending = new Deadline(new VirtualClock(), "get", 1000, undefined);
  const answer = receive({ dispatch }, { method: "GET", path: "/api/v1/a?b" }, { when, ending, toFailure });
  return {
    did,
    answer,
    begins: (status: number) => handler.onResponseStart?.(controller, status, {}),
    /** @returns how much was taken before the exchange was ended */
    sends: (mib: number): number => {
      let taken = 0;
      for (; taken < mib && !did.includes("abort"); taken++) handler.onResponseData?.(controller, PIECE);
      return taken;
    },
    ends: () => handler.onResponseEnd?.(controller, {}),
  };
}

for (const [name, when, status, expected] of [
  ["a watch that nobody reads makes its server wait", "begun", 200, ["pause"]],
  ["a watch that is refused with a long page is not: it is handed out when it is whole", "begun", 503, []],
  ["an answer that comes whole makes nobody wait", "whole", 200, []],
] as const)
  test(`answer: ${name}`, async () => {
    const { answer, begins, sends, ends, did } = exchange(when);
    begins(status);
    sends(1);
    assert.deepEqual(did, expected);
    ends();
    assert.equal((await (await answer).bytes()).length, MIB);
  });

for (const [when, status] of [
  ["whole", 200],
  ["whole", 500],
  ["begun", 503],
] as const)
  test(`answer: one of ${status} without end is a bad response before it fills the memory (${when})`, async () => {
    const { answer, begins, sends, did } = exchange(when);
    begins(status);
    const taken = sends(1024);
    assert.equal(taken, Math.floor(constants.MAX_STRING_LENGTH / MIB) + 1);
    assert.deepEqual(did, ["abort"]);
    await assert.rejects(answer, (error) => {
      assert.ok(error instanceof EvenkeelError && codeOf(error) === "API_BAD_RESPONSE");
      return error.message.startsWith("GET /api/v1/a: the answer has more than 512 MiB; ");
    });
  });

test("answer: a watch may last for any number of bytes", async () => {
  const { answer, begins, sends, did } = exchange("begun");
  begins(200);
  const reader = (await answer).body[Symbol.asyncIterator]();
  for (let i = 0; i < 600; i++) {
    sends(1);
    assert.equal((await reader.next()).value?.length, MIB);
  }
  assert.ok(!did.includes("abort"));
});
