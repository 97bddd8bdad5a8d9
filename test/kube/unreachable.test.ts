/** Why a server cannot be reached, told so that somebody can mend it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Code } from "../../runtime/kube/errors.ts";
import { unreachable } from "../../runtime/kube/unreachable.ts";

const failure = (code: string): Error => Object.assign(new Error(`raw ${code}`), { code });

const rows: readonly { readonly name: string; readonly cause: unknown; readonly says: string; readonly code?: Code }[] =
  [
    { name: "refused", cause: failure("ECONNREFUSED"), says: "https://k: nothing listens there (ECONNREFUSED); " },
    { name: "no such name", cause: failure("ENOTFOUND"), says: "https://k: its name is not known (ENOTFOUND); " },
    {
      name: "refused on every address",
      cause: new AggregateError([failure("ECONNREFUSED"), failure("ECONNREFUSED")]),
      says: "https://k: nothing listens there (ECONNREFUSED); ",
    },
    {
      name: "wrapped",
      cause: new Error("outer", { cause: failure("ECONNRESET") }),
      says: "https://k: the connection broke (ECONNRESET); ",
    },
    {
      name: "a certificate that does not convince",
      cause: failure("UNABLE_TO_VERIFY_LEAF_SIGNATURE"),
      says: "https://k: its certificate is not signed by the CA of these credentials (UNABLE_TO_VERIFY_LEAF_SIGNATURE); ",
      code: "API_UNTRUSTED",
    },
    { name: "a code we have no sentence for", cause: failure("EODD"), says: "https://k: raw EODD (EODD); " },
    { name: "no code", cause: new Error("odd"), says: "https://k: odd; " },
    { name: "no error", cause: "odd", says: "https://k: no answer; " },
  ];

for (const { name, cause, says, code = "API_UNREACHABLE" } of rows) {
  test(`unreachable: ${name}`, () => {
    const error = unreachable("https://k", cause);
    assert.equal(error.code, code);
    assert.ok(error.message.startsWith(says), error.message);
    assert.equal(error.cause, cause);
  });
}
