/** A refusal of the API server (a Status, or whatever a proxy on the way answered) becomes an EvenkeelError with a code to act on. */
import type { Resource } from "./api.ts";
import { EvenkeelError, type ApiStatus, type Code } from "./errors.ts";
import { recordOf, recordsOf, textOf, type JsonRecord } from "./json.ts";
import type { ObjectName } from "./object.ts";
import { isFenced, isMisfit, refusalWords } from "./refusal-words.ts";

/** What of an HTTP answer decides. ERROR events of a watch have no headers. */
interface Refused {
  readonly httpCode: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The parsed body; anything but a Status is not quoted. */
  readonly body: unknown;
}

/** The object that a read is about. */
export interface Asked {
  readonly resource: Resource;
  readonly name: ObjectName;
}

/**
 * @param what the call, for the message: `create v1/ConfigMap team-a/settings`
 * @param about what the path names: a collection that is not found means that the kind is not served.
 * @param asked where "not found" has to be about this very object: deletions are decided on such answers.
 */
export function refusal(
  what: string,
  refused: Refused,
  about: "object" | "collection" | "other",
  asked?: Asked,
): EvenkeelError {
  const body = recordOf(refused.body);
  const answer = body?.["kind"] === "Status" ? body : undefined;
  const status = statusOf(refused, answer);
  const code = codeByWords(textOf(answer?.["message"]) ?? "") ?? codeFor(status);
  const isVerdict = about === "object" && (refused.httpCode === 400 || refused.httpCode === 422);
  const message = (answer && refusalWords(answer, isVerdict)) ?? `the answer is ${refused.httpCode}, without a Status`;
  const meant = code === "API_NOT_FOUND" && about !== "other" ? absence(answer, about, asked) : code;
  return new EvenkeelError(meant, `${what}: ${message}`, { status });
}

/** {@link refusal} that came with 200: what counts is the code in its Status. Without one it is the server's trouble. */
export function refusalIn(status: JsonRecord, what: string, about: "object" | "collection"): EvenkeelError {
  const code = status["code"];
  const httpCode = typeof code === "number" && code >= 400 ? code : 500;
  return refusal(what, { httpCode, headers: {}, body: status }, about);
}

function statusOf({ httpCode, headers }: Refused, answer: JsonRecord | undefined): ApiStatus {
  const details = recordOf(answer?.["details"]);
  return {
    httpCode,
    reason: textOf(answer?.["reason"]),
    causes: recordsOf(details?.["causes"]).flatMap(({ reason }) => textOf(reason) ?? []),
    retryAfterMs: retryAfterMs(headers["retry-after"]) ?? retryAfterMs(details?.["retryAfterSeconds"]),
  };
}

/** Only whole seconds are understood; API servers send no dates. Of a header that was sent twice (`7, 7`) the first counts. */
function retryAfterMs(seconds: unknown): number | undefined {
  const count = typeof seconds === "string" ? Number(seconds.split(",", 1)[0]) : seconds;
  return typeof count === "number" && count > 0 && Number.isFinite(count) ? count * 1000 : undefined;
}

/** Where the reason is that of any other refusal, or misleading. */
function codeByWords(message: string): Code | undefined {
  if (isMisfit(message)) return "API_INVALID";
  return isFenced(message) ? "API_FENCED" : undefined;
}

/** Causes first, then the reason, then the HTTP code: the more specific word decides. Source: apimachinery metav1.StatusReason. */
function codeFor({ httpCode, reason, causes }: ApiStatus): Code {
  if (causes.includes("ResourceVersionTooLarge")) return "API_TIMEOUT";
  if (causes.includes("NamespaceTerminating")) return "API_NAMESPACE_TERMINATING";
  if (causes.includes("FieldManagerConflict")) return "API_FIELD_TAKEN";
  return byReason.get(reason ?? "") ?? byHttpCode.get(httpCode) ?? byRange(httpCode);
}

const byReason: ReadonlyMap<string, Code> = new Map([
  ["AlreadyExists", "API_ALREADY_EXISTS"],
  ["Conflict", "API_CONFLICT"],
  ["Expired", "API_EXPIRED"],
  ["Gone", "API_EXPIRED"],
  ["Invalid", "API_INVALID"],
  ["RequestEntityTooLarge", "API_INVALID"],
  ["Timeout", "API_TIMEOUT"],
  ["TooManyRequests", "API_TOO_MANY_REQUESTS"],
]);

const byHttpCode: ReadonlyMap<number, Code> = new Map([
  [401, "API_UNAUTHORIZED"],
  [403, "API_FORBIDDEN"],
  [404, "API_NOT_FOUND"],
  [408, "API_TIMEOUT"],
  [409, "API_CONFLICT"],
  [410, "API_EXPIRED"],
  [413, "API_INVALID"],
  [422, "API_INVALID"],
  [429, "API_TOO_MANY_REQUESTS"],
  [504, "API_TIMEOUT"],
]);

function byRange(httpCode: number): Code {
  if (httpCode >= 500) return "API_UNAVAILABLE";
  return httpCode >= 400 ? "API_REJECTED" : "API_BAD_RESPONSE";
}

/**
 * What "not found" means. A path that is not served at all is a bare 404, or a Status whose details name nothing. A collection
 * is never missing itself.
 */
function absence(answer: JsonRecord | undefined, about: "object" | "collection", asked: Asked | undefined): Code {
  const details = recordOf(answer?.["details"]) ?? {};
  if (about === "collection" || textOf(details["name"]) === undefined) return "KIND_NOT_SERVED";
  return asked === undefined || isAbout(details, asked) ? "API_NOT_FOUND" : "API_BAD_RESPONSE";
}

/**
 * Whether what is missing is this object, or its namespace. Servers of other groups may name the kind in place of the plural, or
 * the key in place of the name. Source: apimachinery api/errors (NewNotFound), metrics-server pkg/api.
 */
function isAbout({ name: missing, kind }: JsonRecord, { resource, name: { namespace = "", name } }: Asked): boolean {
  if (kind === "namespaces" && missing === namespace) return true;
  if (missing !== name && missing !== `${namespace}/${name}`) return false;
  const [plural = ""] = (textOf(kind) ?? resource.plural).split("/", 1);
  return plural === resource.plural || plural.toLowerCase() === resource.kind.kind.toLowerCase();
}
