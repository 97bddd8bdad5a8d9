/** get and list. A list that is paged shows one moment, however long the paging takes. */
import { joined } from "../bytes.ts";
import type { Call } from "../call.ts";
import { type JsonObject, isObject } from "../object.ts";
import { type ListOptions } from "../options.ts";
import type { ListMetadata } from "../representation.ts";
import { badRequest, expired, notFound } from "../status.ts";
import type { StoredVersion } from "../storage/version.ts";
import { parseRevision, selection } from "./selection.ts";

export async function get(call: Call): Promise<Response> {
  await call.services.storage.waitFor(parseRevision(call.query.get("resourceVersion") ?? "") ?? 0);
  const found = call.store.get(call.key);
  if (found === undefined) throw notFound(call.resource, call.name);
  return call.answer(found);
}

export async function list(call: Call, options: ListOptions): Promise<Response> {
  return answerPage(call, await pageOf(call, options));
}

/** Some of the objects that a list or a deletecollection is about. */
interface Page {
  readonly items: readonly StoredVersion[];
  readonly metadata: ListMetadata;
}

export function answerPage(call: Call, { items, metadata }: Page): Response {
  return call.respond(joined(call.representation("list").list(items, metadata)), 200);
}

/** @throws ApiError 400, 410, 504 */
export async function pageOf(call: Call, options: ListOptions): Promise<Page> {
  const { prefix, filtered, matches } = selection(call, options);
  const moment = await momentOf(call, options);
  const { storage } = call.services;
  const revision = moment.revision ?? storage.revision;
  const { items, next, remainingCount } = call.store.list({
    prefix,
    from: moment.from === undefined ? undefined : prefix + moment.from,
    revision: moment.revision,
    limit: moment.limit,
    matches: ({ object }) => matches(object),
  });
  const more =
    next === undefined
      ? {}
      : { continue: encodeToken(revision, next.slice(prefix.length)), ...remaining(filtered, remainingCount) };
  return { items, metadata: { resourceVersion: String(revision), ...more } };
}

/** With a selector the server would have to read on to know, so it does not say. */
function remaining(filtered: boolean, count: number): { readonly remainingItemCount?: number } {
  return filtered ? {} : { remainingItemCount: count };
}

interface Moment {
  /** Undefined = now. */
  readonly revision: number | undefined;
  readonly from?: string;
  readonly limit: number;
}

/**
 * Which state the list is to show, by the table of resourceVersion and resourceVersionMatch.
 * @throws ApiError 410 when that state is forgotten, 504 when it is not reached in time.
 */
async function momentOf(call: Call, options: ListOptions): Promise<Moment> {
  const { storage } = call.services;
  const { limit, continueToken, resourceVersion, resourceVersionMatch } = options;
  if (continueToken !== "") return continued(call, options);
  const wanted = parseRevision(resourceVersion);
  // 0 = any state will do; the watch cache of the real server then also ignores the limit.
  if (wanted === 0) return { revision: undefined, limit: 0 };
  if (wanted === undefined) return { revision: undefined, limit };
  await storage.waitFor(wanted);
  const exact = resourceVersionMatch === "Exact" || (resourceVersionMatch === "" && limit > 0);
  if (!exact) return { revision: undefined, limit };
  if (wanted < call.store.compactedRevision) throw expired(`too old resource version: ${wanted}`);
  return { revision: wanted, limit };
}

const TOO_OLD_TOKEN =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
  "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
  "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
  "deleted between the time the first chunk was returned and now may show up in the list.";

function continued(call: Call, { limit, continueToken, resourceVersion }: ListOptions): Moment {
  if (resourceVersion !== "" && resourceVersion !== "0")
    throw badRequest("specifying resource version is not allowed when using continue");
  const { rv, start } = decodeToken(continueToken);
  // A token from a 410: the rest as it is now.
  if (rv === -1) return { revision: undefined, from: start, limit };
  if (rv < call.store.compactedRevision) throw expired(TOO_OLD_TOKEN, encodeToken(-1, start));
  return { revision: rv, from: start, limit };
}

function encodeToken(rv: number, start: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv, start })).toString("base64url");
}

/** @throws ApiError 400 */
function decodeToken(token: string): { readonly rv: number; readonly start: string } {
  const { rv, start } = parseToken(token);
  if (typeof rv !== "number" || typeof start !== "string")
    throw badRequest("invalid continue token: continue key is not valid");
  return { rv, start };
}

function parseToken(token: string): JsonObject {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}
