/** What each refusal of an API server means, and what of it is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Code } from "../../runtime/kube/errors.ts";
import { kind } from "../../runtime/kube/kind.ts";
import { refusal, type Asked } from "../../runtime/kube/refusal.ts";
import { status } from "./fake-server.ts";

interface Row {
  readonly name: string;
  readonly http: number;
  readonly body: unknown;
  readonly code: Code;
  readonly about?: "object" | "collection" | "other";
}

const causes = (...reasons: string[]): object => ({ causes: reasons.map((reason) => ({ reason })) });

const rows: readonly Row[] = [
  { name: "401 is for the credentials", http: 401, body: status(401, "Unauthorized"), code: "API_UNAUTHORIZED" },
  { name: "403 is a permission", http: 403, body: status(403, "Forbidden"), code: "API_FORBIDDEN" },
  {
    name: "403 of a policy is for whoever set it",
    http: 403,
    body: status(
      403,
      "Forbidden",
      {},
      `configmaps "a" is forbidden: ValidatingAdmissionPolicy 'no-evenkeel' with binding 'b' denied request: no`,
    ),
    code: "API_FORBIDDEN",
  },
  {
    name: "403 of a policy of our own fence is for whoever draws that",
    http: 403,
    body: status(
      403,
      "Forbidden",
      {},
      `deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'evenkeel.deployments.apps' with binding 'evenkeel.deployments.apps' denied request: no`,
    ),
    code: "API_FENCED",
  },
  {
    name: "403 of a namespace on its way out is not a permission",
    http: 403,
    body: status(403, "Forbidden", causes("NamespaceTerminating")),
    code: "API_NAMESPACE_TERMINATING",
  },
  {
    name: "404 naming the object: it is gone",
    http: 404,
    body: status(404, "NotFound", { name: "a" }),
    code: "API_NOT_FOUND",
  },
  { name: "404 naming nothing: the kind is gone", http: 404, body: status(404, "NotFound"), code: "KIND_NOT_SERVED" },
  { name: "404 without a Status: the path is unknown", http: 404, body: undefined, code: "KIND_NOT_SERVED" },
  {
    name: "404 of a collection is never about an object",
    http: 404,
    body: status(404, "NotFound", { name: "a" }),
    code: "KIND_NOT_SERVED",
    about: "collection",
  },
  { name: "404 in discovery stays one", http: 404, body: undefined, code: "API_NOT_FOUND", about: "other" },
  { name: "409 AlreadyExists", http: 409, body: status(409, "AlreadyExists"), code: "API_ALREADY_EXISTS" },
  { name: "409 Conflict", http: 409, body: status(409, "Conflict"), code: "API_CONFLICT" },
  {
    name: "409 of a field that another manager holds",
    http: 409,
    body: status(409, "Conflict", causes("FieldManagerConflict")),
    code: "API_FIELD_TAKEN",
  },
  { name: "410 Expired", http: 410, body: status(410, "Expired"), code: "API_EXPIRED" },
  { name: "410 Gone", http: 410, body: status(410, "Gone"), code: "API_EXPIRED" },
  {
    name: "a resourceVersion from the future is waited for, not relisted",
    http: 504,
    body: status(504, "Timeout", causes("ResourceVersionTooLarge")),
    code: "API_TIMEOUT",
  },
  {
    name: "so is one on the consistent-read path, where it is a 429",
    http: 429,
    body: status(429, "TooManyRequests", causes("ResourceVersionTooLarge")),
    code: "API_TIMEOUT",
  },
  { name: "413 is for whoever wrote it", http: 413, body: status(413, "RequestEntityTooLarge"), code: "API_INVALID" },
  { name: "422 Invalid", http: 422, body: status(422, "Invalid"), code: "API_INVALID" },
  {
    name: "500 of a typed patch is for whoever wrote it",
    http: 500,
    body: status(
      500,
      "",
      {},
      "failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec: expected map",
    ),
    code: "API_INVALID",
  },
  {
    name: "500 of what cannot be converted is for whoever wrote it",
    http: 500,
    body: status(
      500,
      "",
      {},
      "failed to convert new object (a/b; /v1, Kind=Secret) to proper version: unable to convert unstructured object to /v1, Kind=Secret: error decoding from json: illegal base64 data at input byte 6",
    ),
    code: "API_INVALID",
  },
  {
    name: "500 of a conversion webhook that is down is the cluster's",
    http: 500,
    body: status(
      500,
      "",
      {},
      'failed to convert new object (a/b; example.com/v1, Kind=Widget) to proper version: conversion webhook for example.com/v1, Kind=Widget failed: Post "https://x": connection refused',
    ),
    code: "API_UNAVAILABLE",
  },
  {
    name: "400 of the decoder is for whoever wrote it",
    http: 400,
    body: status(400, "BadRequest", {}, 'Secret in version "v1" cannot be handled as a Secret: illegal base64 data'),
    code: "API_INVALID",
  },
  { name: "400 is rejected", http: 400, body: status(400, "BadRequest"), code: "API_REJECTED" },
  { name: "405 is rejected", http: 405, body: status(405, "MethodNotAllowed"), code: "API_REJECTED" },
  { name: "429 of a proxy without a Status", http: 429, body: undefined, code: "API_TOO_MANY_REQUESTS" },
  { name: "500", http: 500, body: status(500, "InternalError"), code: "API_UNAVAILABLE" },
  { name: "503 of a load balancer", http: 503, body: "<html>", code: "API_UNAVAILABLE" },
  { name: "504 Timeout", http: 504, body: status(504, "Timeout"), code: "API_TIMEOUT" },
  { name: "a redirect is no answer of an API server", http: 302, body: undefined, code: "API_BAD_RESPONSE" },
];

for (const { name, http, body, code, about = "object" } of rows) {
  test(`refusal: ${name}`, () => {
    assert.equal(refusal("get v1/ConfigMap team-a/a", { httpCode: http, headers: {}, body }, about).code, code);
  });
}

const Widget = kind("example.com/v1", "Widget");
const asked: Asked = {
  resource: { kind: Widget, group: "example.com", plural: "widgets", isNamespaced: true },
  name: { namespace: "team-a", name: "settings" },
};

const missing: readonly { readonly name: string; readonly details: object; readonly code: Code }[] = [
  { name: "it", details: { name: "settings", kind: "widgets" }, code: "API_NOT_FOUND" },
  { name: "it, without a kind", details: { name: "settings" }, code: "API_NOT_FOUND" },
  { name: "its subresource", details: { name: "settings", kind: "widgets/scale" }, code: "API_NOT_FOUND" },
  { name: "it by kind", details: { name: "settings", kind: "widget" }, code: "API_NOT_FOUND" },
  { name: "it by key, as metrics-server", details: { name: "team-a/settings", kind: "Widget" }, code: "API_NOT_FOUND" },
  { name: "its namespace", details: { name: "team-a", kind: "namespaces" }, code: "API_NOT_FOUND" },
  { name: "another object", details: { name: "other", kind: "widgets" }, code: "API_BAD_RESPONSE" },
  { name: "another namespace", details: { name: "settings", kind: "namespaces" }, code: "API_BAD_RESPONSE" },
  { name: "another kind", details: { name: "settings", kind: "configmaps" }, code: "API_BAD_RESPONSE" },
  { name: "nothing", details: {}, code: "KIND_NOT_SERVED" },
];

for (const { name, details, code } of missing)
  test(`refusal: of an object that was asked for, a 404 that names ${name} is ${code}`, () => {
    const refused = { httpCode: 404, headers: {}, body: status(404, "NotFound", details) };
    const error = refusal("get example.com/v1/Widget team-a/settings", refused, "object", asked);
    assert.equal(error.code, code);
    assert.equal(error.status?.httpCode, 404);
  });

test("refusal: says the call, then the server's words", () => {
  const body = status(409, "AlreadyExists", {}, 'configmaps "settings" already exists');
  const error = refusal("create v1/ConfigMap team-a/settings", { httpCode: 409, headers: {}, body }, "object");
  assert.ok(error.message.startsWith('create v1/ConfigMap team-a/settings: configmaps "settings" already exists; '));
});

test("refusal: never quotes a body that is not a Status", () => {
  for (const body of ["s3cret", { kind: "Secret", message: "s3cret", data: { a: "s3cret" } }]) {
    const error = refusal("get v1/Secret a/b", { httpCode: 500, headers: {}, body }, "object");
    assert.ok(!error.message.includes("s3cret"), error.message);
  }
});

test("refusal: keeps reason, causes and the time to wait", () => {
  const details = { ...causes("ResourceVersionTooLarge"), retryAfterSeconds: 1 };
  const body = status(504, "Timeout", details);
  assert.deepEqual(refusal("list", { httpCode: 504, headers: {}, body }, "collection").status, {
    httpCode: 504,
    reason: "Timeout",
    causes: ["ResourceVersionTooLarge"],
    retryAfterMs: 1000,
  });
});

function waits(retryAfter: string, details: object = { retryAfterSeconds: 1 }): number | undefined {
  const body = status(429, "TooManyRequests", details);
  return refusal("list", { httpCode: 429, headers: { "retry-after": retryAfter }, body }, "other").status?.retryAfterMs;
}

test("refusal: the header Retry-After counts before the details; instead of a senseless one these do", () => {
  assert.equal(waits("5"), 5000);
  assert.equal(waits("7, 7"), 7000, "sent twice");
  for (const senseless of ["Wed, 21 Oct 2026 07:28:00 GMT", "soon", "-1", "0", ""]) {
    assert.equal(waits(senseless), 1000);
    assert.equal(waits(senseless, {}), undefined);
  }
});
