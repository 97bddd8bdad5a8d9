/**
 * Warnings for the person at the client, as they go into headers. A write is done by then: no warning may fail it.
 * Source: apiserver pkg/endpoints/filters/warning.go, apimachinery pkg/util/net NewWarningHeader.
 */

/** Of all texts together; beyond it each is cut. Clients take headers of 16 KiB and little more. */
const LIMIT = 4096;
const CUT = 256;

/** The values of the Warning headers: each text once, and none that a header cannot hold. */
export function warningHeaders(texts: readonly string[]): readonly string[] {
  const sendable = [...new Set(texts)].filter((text) => text !== "" && !/\p{Cc}/u.test(text));
  const characters = sendable.map((text) => Array.from(text));
  const isTooMuch = characters.reduce((sum, { length }) => sum + length, 0) > LIMIT;
  const kept: string[] = [];
  let length = 0;
  for (const text of characters) {
    if (length >= LIMIT) break;
    const cut = isTooMuch ? text.slice(0, CUT) : text;
    length += cut.length;
    kept.push(`299 - ${quoted(cut.join(""))}`);
  }
  return kept;
}

/** In UTF-8, of which Headers take each byte as a character. */
function quoted(text: string): string {
  return Buffer.from(`"${text.replaceAll(/["\\]/g, "\\$&")}"`).toString("latin1");
}

/** A text as Go quotes it in messages: `"a\\x01"`. */
export function goQuoted(text: string): string {
  const escaped = JSON.stringify(text).replaceAll(/\\u00([0-9a-f]{2})/g, "\\x$1");
  return escaped.replaceAll("\u007f", "\\x7f");
}
