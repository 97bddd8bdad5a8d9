/** What a row of the audit log may leave out. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { tempFolder } from "../support/temp-folder.ts";
import { readAuditLog } from "./audit-log.ts";

test("audit log: a request of nobody who is known (401) is a row too, and one that is being written is not yet", async (t) => {
  const refused = { user: {}, verb: "create", responseStatus: { code: 401 }, stage: "ResponseComplete" };
  const { path } = await tempFolder(t, { "audit.log": `${JSON.stringify(refused)}\n{"user":{"usern` });
  assert.deepEqual(await readAuditLog(join(path, "audit.log")), [
    {
      user: "",
      verb: "create",
      resource: "",
      subresource: "",
      namespace: "",
      name: "",
      code: 401,
      stage: "ResponseComplete",
    },
  ]);
});
