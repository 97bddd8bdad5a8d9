/** managedFields go, and nulls of metadata; everything else stays, and the object that came is left alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { metadataAlone, stripped } from "../../runtime/kube/stripped.ts";

test("stripped: drops managedFields, nulls of metadata and nothing else", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.dictionary(fc.string(), fc.jsonValue()),
      (data, extra) => {
        const metadata = { ...extra, name: "a", uid: "u", resourceVersion: "1" };
        const received = { data, metadata: { ...metadata, managedFields: [{ manager: "m" }] } };
        const expected = Object.fromEntries(Object.entries(metadata).filter(([, value]) => value !== null));
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

test("stripped: a field of metadata that is null is none, where it is whole and where it is not", () => {
  const metadata = { name: "a", labels: null, uid: "u", deletionTimestamp: null, resourceVersion: "1" };
  const received = { metadata: { ...metadata, managedFields: null }, data: null };
  const expected = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", uid: "u", resourceVersion: "1" } };
  assert.deepEqual(metadataAlone(received, "v1", "ConfigMap"), expected);
  assert.deepEqual(stripped(received, "v1", "ConfigMap"), { ...expected, data: null });
});
