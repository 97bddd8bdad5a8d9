/** Lists: order, pages, selectors, versions. */
import assert from "node:assert/strict";
import { at, isList } from "../../../runtime/apiserver/object.ts";
import { MERGE } from "../client.ts";
import { textAt, version, items, names, refused } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap } from "./requests.ts";

export const LIST: readonly Case[] = [
  {
    name: "list items of built-in kinds have no kind and no apiVersion; the list has a resourceVersion",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      const list = await api.get(`${configMaps}?fieldSelector=metadata.name%3Da`);
      assert.equal(list.body["kind"], "ConfigMapList");
      assert.match(version(list), /^[1-9][0-9]*$/);
      const [item] = items(list);
      assert.equal(at(item, "kind"), undefined);
      assert.equal(at(item, "apiVersion"), undefined);
      assert.equal(at(item, "metadata", "name"), "a");
    },
  },
  {
    name: "pages are one snapshot: what is written between them is not seen, and a watch from it continues",
    async run({ api, configMaps }) {
      for (const name of ["p1", "p2", "p3"])
        await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const first = await api.get(`${configMaps}?limit=1`);
      const kubeRoot = names(first)[0] === "kube-root-ca.crt";
      await api.post(configMaps, configMap("p0"));
      await api.delete(`${configMaps}/p3`);
      await api.patch(`${configMaps}/p2`, MERGE, { data: { x: "late" } });
      const next = encodeURIComponent(textAt(first.body, "metadata", "continue"));
      const rest = await api.get(`${configMaps}?limit=10&continue=${next}`);
      assert.deepEqual(
        [...names(first), ...names(rest)].filter((name) => name.startsWith("p")),
        ["p1", "p2", "p3"],
      );
      assert.equal(version(rest), version(first));
      assert.equal(at(first.body, "metadata", "remainingItemCount"), kubeRoot ? 3 : 2);
      assert.equal(at(rest.body, "metadata", "continue"), undefined);
      const watch = await api.watch(`${configMaps}?watch=1&resourceVersion=${version(first)}`);
      assert.deepEqual(await watch.names(3), ["ADDED p0", "DELETED p3", "MODIFIED p2"]);
      await watch.cancel();
    },
  },
  {
    name: "remainingItemCount is absent with a selector",
    async run({ api, configMaps }) {
      for (const name of ["a", "b"]) await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const page = await api.get(`${configMaps}?limit=1&labelSelector=p`);
      assert.equal(at(page.body, "metadata", "remainingItemCount"), undefined);
      assert.notEqual(at(page.body, "metadata", "continue"), undefined);
    },
  },
  {
    name: "a limit below zero is none",
    async run({ api, configMaps }) {
      for (const name of ["a", "b"]) await api.post(configMaps, configMap(name, { metadata: { labels: { p: "1" } } }));
      const whole = await api.get(`${configMaps}?limit=-1&labelSelector=p`);
      assert.deepEqual(names(whole), ["a", "b"]);
      assert.equal(at(whole.body, "metadata", "continue"), undefined);
    },
  },
  {
    name: "resourceVersionMatch=Exact shows the past, NotOlderThan the present",
    async run({ api, configMaps }) {
      const made = await api.post(configMaps, configMap("a", { data: { x: "1" } }));
      await api.patch(`${configMaps}/a`, MERGE, { data: { x: "2" } });
      const of = `fieldSelector=metadata.name%3Da&resourceVersion=${version(made)}`;
      const past = await api.get(`${configMaps}?${of}&resourceVersionMatch=Exact`);
      assert.equal(at(items(past)[0], "data", "x"), "1");
      assert.equal(version(past), version(made));
      const present = await api.get(`${configMaps}?${of}&resourceVersionMatch=NotOlderThan`);
      assert.equal(at(items(present)[0], "data", "x"), "2");
    },
  },
  {
    name: "options that do not go together are 422",
    async run({ api, configMaps }) {
      for (const query of [
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=Exact&resourceVersion=0",
        "resourceVersionMatch=Newest&resourceVersion=5",
        "sendInitialEvents=true",
        "watch=1&sendInitialEvents=true",
        "watch=1&resourceVersionMatch=NotOlderThan&resourceVersion=5",
      ])
        refused(await api.get(`${configMaps}?${query}`), 422, "Invalid");
    },
  },
  {
    name: "label selectors: equality, sets, existence",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a", { metadata: { labels: { tier: "web", x: "1" } } }));
      await api.post(configMaps, configMap("b", { metadata: { labels: { tier: "db", x: "1" } } }));
      await api.post(configMaps, configMap("c", { metadata: { labels: { x: "1" } } }));
      const table: readonly (readonly [string, readonly string[]])[] = [
        ["x=1", ["a", "b", "c"]],
        ["x=1,tier=web", ["a"]],
        ["x=1,tier!=web", ["b", "c"]],
        ["tier in (web,db)", ["a", "b"]],
        ["x,tier notin (web)", ["b", "c"]],
        ["tier", ["a", "b"]],
        ["x,!tier", ["c"]],
      ];
      for (const [selector, wanted] of table)
        assert.deepEqual(
          names(await api.get(`${configMaps}?labelSelector=${encodeURIComponent(selector)}`)),
          wanted,
          selector,
        );
      for (const bad of ["x in", "a=b=c", "!!", "in (a)"])
        refused(await api.get(`${configMaps}?labelSelector=${encodeURIComponent(bad)}`), 400, "BadRequest");
    },
  },
  {
    name: "a field that cannot be selected by is 400",
    async run({ api, configMaps }) {
      refused(await api.get(`${configMaps}?fieldSelector=data.x%3D1`), 400, "BadRequest");
    },
  },
  {
    name: "a resourceVersion from the future is 504 Timeout with the cause ResourceVersionTooLarge",
    async run({ api, configMaps, wait }) {
      const asked = api.get(`${configMaps}?resourceVersion=999999999`);
      await wait(3500);
      const answer = await asked;
      refused(answer, 504, "Timeout");
      assert.equal(at(answer.body, "details", "retryAfterSeconds"), 1);
      const found = at(answer.body, "details", "causes");
      assert.equal(at(isList(found) ? found[0] : undefined, "reason"), "ResourceVersionTooLarge");
    },
  },
];
