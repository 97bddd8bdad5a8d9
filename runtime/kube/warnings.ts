/** The response header `warning`, which the API server sends for what it accepted and yet dislikes. */

/** One warning: code 299, an agent, the quoted text. Source: RFC 7234 §5.5, apimachinery util/net (ParseWarningHeader). */
const WARNING = /299 [^ ]+ "((?:[^"\\]|\\.)*)"/g;

/** The texts of a header that may hold several, joined by commas. */
export function warningTexts(header: string | undefined): readonly string[] {
  if (header === undefined) return NONE;
  return Array.from(header.matchAll(WARNING), ([, text = ""]) => text.replaceAll(/\\(.)/g, "$1"));
}

const NONE: readonly string[] = Object.freeze([]);
