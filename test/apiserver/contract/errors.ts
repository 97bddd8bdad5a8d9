/** What fits no other table: paths, methods, bodies. */
import { refused } from "./answers.ts";
import type { Case } from "./case.ts";
import { configMap } from "./requests.ts";

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
];
