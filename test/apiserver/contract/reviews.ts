/** Reviews: who am I, may I. */
import assert from "node:assert/strict";
import { at, isList } from "../../../runtime/apiserver/object.ts";
import { textAt, refused } from "./answers.ts";
import type { Case } from "./case.ts";

export const REVIEWS: readonly Case[] = [
  {
    name: "a SelfSubjectAccessReview is answered and not kept",
    async run({ api, namespace }) {
      const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
      const spec = { resourceAttributes: { namespace, verb: "delete", resource: "configmaps" } };
      const answer = await api.post(path, { spec });
      assert.equal(answer.status, 201);
      assert.deepEqual(answer.body["spec"], spec);
      assert.equal(at(answer.body, "status", "allowed"), true);
      refused(await api.get(path), 405, "MethodNotAllowed");
      refused(await api.get(`${path}/a`), 404, "NotFound");
    },
  },
  {
    name: "a SelfSubjectRulesReview lists what the caller may do",
    async run({ api, namespace }) {
      const path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
      const { body } = await api.post(path, { spec: { namespace } });
      const rules = at(body, "status", "resourceRules");
      assert.ok(isList(rules));
      assert.deepEqual(
        rules.filter((rule) => JSON.stringify(at(rule, "verbs")) === '["*"]'),
        [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
      );
    },
  },
  {
    name: "a SelfSubjectReview says who the caller is",
    async run({ api }) {
      const answer = await api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
      assert.equal(answer.status, 201);
      assert.notEqual(textAt(answer.body, "status", "userInfo", "username"), "");
      const groups = at(answer.body, "status", "userInfo", "groups");
      assert.ok(isList(groups) && groups.includes("system:masters"));
    },
  },
];
