/**
 * What is used of undici, each from its own file. Its index brings 180 more (fetch, WebSocket, caches, mocks): 50 ms of a start,
 * and 14 MB for as long as the process lives. The files are no public interface; undici is pinned exactly.
 */
import { createRequire } from "node:module";
import type { Dispatcher, Pool as UndiciPool } from "undici";

const require = createRequire(import.meta.url);

export const Pool = require("undici/lib/dispatcher/pool.js") as typeof UndiciPool;
export type Pool = UndiciPool;

/** As the method of a dispatcher of that name, which the index would have added to it. */
export const request = require("undici/lib/api/api-request.js") as Dispatcher["request"];
