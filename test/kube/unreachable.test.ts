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
    const error = unreachable("https://k", cause, {});
    assert.equal(error.code, code);
    assert.ok(error.message.startsWith(says), error.message);
    assert.equal(error.cause, cause);
  });
}

const aside = "; HTTPS_PROXY is set, and evenkeel uses no proxy";
const HTTPS_PROXY = "http://me:s3cret@p";
const proxied: readonly (readonly [name: string, server: string, env: object, code: string, isTold: boolean])[] = [
  ["a name that is not known", "https://k", { HTTPS_PROXY }, "ENOTFOUND", true],
  ["a server that does not answer", "https://k", { https_proxy: HTTPS_PROXY }, "UND_ERR_CONNECT_TIMEOUT", true],
  ["a name that is not known, an empty HTTPS_PROXY", "https://k", { HTTPS_PROXY: "" }, "ENOTFOUND", false],
  ["a server without TLS", "http://k", { HTTPS_PROXY }, "ENOTFOUND", false],
  ["a connection that broke, so there was one", "https://k", { HTTPS_PROXY }, "ECONNRESET", false],
];
for (const [name, server, env, code, isTold] of proxied) {
  test(`unreachable: ${name}: HTTPS_PROXY is ${isTold ? "said not to be used" : "not mentioned"}`, () => {
    const { message } = unreachable(server, failure(code), { ...env });
    assert.equal(message.includes(`(${code})${aside};`), isTold, message);
    assert.ok(!message.includes("s3cret"));
  });
}
