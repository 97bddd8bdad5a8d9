/**
 * Formats of text: which text is one, and the form in which it is stored. Clients meet here what a real server does to
 * the times and quantities that they send.
 */
import { canonicalQuantity } from "./quantity.ts";

interface Format {
  /** The text as it is stored; undefined when it is not of this format. */
  readonly normal: (text: string) => string | undefined;
  readonly fault: string;
}

export const FORMATS: Readonly<Record<string, Format>> = {
  byte: { normal: base64, fault: "illegal base64 data" },
  // Source: apimachinery meta/v1 Time.
  "date-time": {
    normal: (text) => utc(text, () => ""),
    fault: "cannot be parsed as a time of the form 2006-01-02T15:04:05Z",
  },
  // Source: apimachinery meta/v1 MicroTime.
  "micro-time": {
    normal: (text) => utc(text, (fraction) => (fraction.length === 7 ? fraction : undefined)),
    fault: "cannot be parsed as a time of the form 2006-01-02T15:04:05.000000Z",
  },
  quantity: { normal: canonicalQuantity, fault: "is no quantity of the form 500m, 1.5, 2Gi or 1e3" },
};

/** Lines, and bits behind the last byte, are of no account. Source: Go encoding/base64 StdEncoding. */
function base64(text: string): string | undefined {
  const line = text.replaceAll(/[\r\n]/g, "");
  if (line.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(line)) return undefined;
  return Buffer.from(line, "base64").toString("base64");
}

const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @param kept what is left of a fraction (`.123`, or empty); undefined refuses it. */
function utc(text: string, kept: (fraction: string) => string | undefined): string | undefined {
  const [, local = "", fraction = "", zone = ""] = RFC_3339.exec(text) ?? [];
  const rest = kept(fraction);
  // Date.parse reads the 31st of February, as the 2nd of March.
  if (rest === undefined || seconds(Date.parse(`${local}Z`)) !== local) return undefined;
  const instant = seconds(Date.parse(local + zone));
  return instant === undefined ? undefined : `${instant}${rest}Z`;
}

function seconds(ms: number): string | undefined {
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString().slice(0, 19);
}
