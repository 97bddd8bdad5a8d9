/** managedFields go; everything else stays, and the object that came is left alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { stripped } from "../../runtime/kube/stripped.ts";

test("stripped: drops managedFields and nothing else", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (data, extra) => {
        const metadata = { ...extra, name: "a", uid: "u", resourceVersion: "1" };
        const received = { data, metadata: { ...metadata, managedFields: [{ manager: "m" }] } };
        const { managedFields: _, ...expected } = received.metadata;
        assert.deepEqual(stripped(received, "v1", "ConfigMap"), {
          apiVersion: "v1",
          kind: "ConfigMap",
          data,
          metadata: expected,
        });
        assert.ok("managedFields" in received.metadata);
      },
    ),
  );
});

test("stripped: what an object says about its kind stays", () => {
  const metadata = { name: "a", uid: "u", resourceVersion: "1" };
  const object = { apiVersion: "apps/v1", kind: "Deployment", metadata };
  assert.deepEqual(stripped(object, "apps/v1", "Deployment"), object);
});
