/** What fits no other table: paths, methods, bodies. */
import assert from "node:assert/strict";
import type { Answer } from "../client.ts";
import { refused } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap, METADATA_LIST, METADATA_ONLY } from "./requests.ts";

export const ERRORS: readonly Case[] = [
  {
    name: "a kind that is not served is 404, a method that is not allowed 405, bad JSON 400, another encoding 406",
    async run({ api, configMaps }) {
      refused(await api.get("/api/v1/nothings"), 404, "NotFound");
      refused(await api.put(configMaps, configMap("a")), 405, "MethodNotAllowed");
      refused(await api.send("POST", configMaps, { body: "no object" }), 400, "BadRequest");
      refused(await api.get(configMaps, "text/html"), 406, "NotAcceptable");
      refused(await api.send("POST", configMaps, { body: {}, contentType: "text/plain" }), 415, "UnsupportedMediaType");
    },
  },
  {
    name: "a path may end in a slash",
    async run({ api, configMaps }) {
      for (const path of ["/api/", "/apis/", "/version/", "/api/v1/", "/apis/apps/v1/", `${configMaps}/`])
        assert.equal((await api.get(path)).status, 200, path);
    },
  },
  {
    name: "the metadata of a list is not that of one object: to ask for the other is 406",
    async run({ api, configMaps }) {
      await api.post(configMaps, configMap("a"));
      refused(await api.get(configMaps, METADATA_ONLY), 406, "NotAcceptable");
      refused(await api.get(`${configMaps}/a`, METADATA_LIST), 406, "NotAcceptable");
    },
  },
  {
    name: "YAML is that of Go: on is true, a time is a text, and of several documents the first counts",
    async run({ api, configMaps }) {
      const send = (text: string): Promise<Answer> =>
        api.send("POST", configMaps, { contentType: "application/yaml", text });
      refused(await send("metadata: {name: a}\ndata: {a: on}\n"), 400, "BadRequest");
      const made = await send("metadata: {name: a}\ndata: {a: 2020-01-01, b: 1:20}\n---\nmetadata: {name: b}\n");
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.deepEqual(made.body["data"], { a: "2020-01-01", b: "1:20" });
    },
  },
  {
    name: "a fieldManager that cannot be printed is 422",
    async run({ api, configMaps }) {
      refused(await api.post(`${configMaps}?fieldManager=a%0Ab`, configMap("a")), 422, "Invalid");
      assert.equal((await api.post(`${configMaps}?fieldManager=%C3%A9%20b`, configMap("a"))).status, 201);
    },
  },
];
