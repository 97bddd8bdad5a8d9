/** Why there was no answer: the system's and OpenSSL's codes, each with a sentence that helps. */
import { EvenkeelError, systemCode } from "./errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * API_UNTRUSTED when the server was there and its certificate did not convince us, otherwise API_UNREACHABLE.
 * @param server the base URL, which the message names
 * @param cause what the connection threw
 * @param env of the process: kubectl and others find their proxy there
 */
export function unreachable(server: string, cause: unknown, env: Environment = process.env): EvenkeelError {
  const code = codeIn(cause);
  const complaint = complaints.get(code);
  const sentence = complaint ?? sentences.get(code) ?? (cause instanceof Error ? cause.message : "no answer");
  const what = `${server}: ${sentence}${code === "" ? "" : ` (${code})`}${proxyAside(server, code, env)}`;
  return new EvenkeelError(complaint === undefined ? "API_UNREACHABLE" : "API_UNTRUSTED", what, { cause });
}

/** Where only a proxy may know the way, and kubectl would take it. */
function proxyAside(server: string, code: string, env: Environment): string {
  if (!server.startsWith("https:") || !noConnection.has(code)) return "";
  return env["HTTPS_PROXY"] || env["https_proxy"] ? "; HTTPS_PROXY is set, and evenkeel uses no proxy" : "";
}

/** Node tries several addresses and throws the failures together. */
function codeIn(cause: unknown): string {
  if (!(cause instanceof Error)) return "";
  const code = systemCode(cause) ?? "";
  if (code !== "") return code;
  return codeIn(cause instanceof AggregateError ? cause.errors[0] : cause.cause);
}

const UNKNOWN_CA = "its certificate is not signed by the CA of these credentials";
const NOT_NOW = "its certificate is not valid at this time: check its dates, and the clocks";
const NO_TLS = "it does not speak TLS there; is the address http://?";
const BROKE = "the connection broke";
const NO_WAY = "there is no way to it from here";

/** About a certificate. */
const complaints: ReadonlyMap<string, string> = new Map([
  ["SELF_SIGNED_CERT_IN_CHAIN", UNKNOWN_CA],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", UNKNOWN_CA],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", UNKNOWN_CA],
  ["UNABLE_TO_GET_ISSUER_CERT", UNKNOWN_CA],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", UNKNOWN_CA],
  ["CERT_SIGNATURE_FAILURE", UNKNOWN_CA],
  ["CERT_HAS_EXPIRED", NOT_NOW],
  ["CERT_NOT_YET_VALID", NOT_NOW],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for another name than the address"],
]);

/** There never was a connection. */
const noConnection: ReadonlyMap<string, string> = new Map([
  ["ECONNREFUSED", "nothing listens there"],
  ["ENOTFOUND", "its name is not known"],
  ["EAI_AGAIN", "its name cannot be looked up at the moment"],
  ["EHOSTUNREACH", NO_WAY],
  ["ENETUNREACH", NO_WAY],
  ["ETIMEDOUT", "no connection in time"],
  ["UND_ERR_CONNECT_TIMEOUT", "no connection in time"],
]);

const sentences: ReadonlyMap<string, string> = new Map([
  ...noConnection,
  ["ECONNRESET", BROKE],
  ["EPIPE", BROKE],
  ["UND_ERR_SOCKET", BROKE],
  ["UND_ERR_CLOSED", "this client is closed"],
  ["UND_ERR_DESTROYED", "this client is closed"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", NO_TLS],
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", NO_TLS],
  ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "it wants a client certificate"],
  ["ERR_OSSL_PEM_NO_START_LINE", "the CA or client certificate is not PEM"],
]);
