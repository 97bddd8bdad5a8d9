/**
 * What HTTP servers are made of, required and not imported. An `import` of node:http makes a module of all that it exports, and
 * so loads what is behind each: with its WebSocket a second undici, Node's own. 35 ms of a start and 15 MB, for names that
 * nobody uses.
 */
import { createRequire } from "node:module";
import type * as nodeHttp from "node:http";
import type * as nodeHttps from "node:https";
import type * as nodeServer from "@hono/node-server";

const require = createRequire(import.meta.url);

export const { createServer, Server } = require("node:http") as typeof nodeHttp;
export const { createServer: createTlsServer } = require("node:https") as typeof nodeHttps;
export const { getRequestListener, serve } = require("@hono/node-server") as typeof nodeServer;
