/** Bytes as the text that Go's JSON makes of them. Source: Go encoding/json (appendString), unicode/utf8 (DecodeRune). */
import { isUtf8 } from "node:buffer";

/** A byte that is in no character becomes one replacement character; Node would make one of several. */
export function goText(bytes: Buffer, from: number, end: number): string {
  const text = bytes.toString("utf8", from, end);
  if (!text.includes("\ufffd")) return text;
  const part = bytes.subarray(from, end);
  return isUtf8(part) ? text : mended(part);
}

function mended(bytes: Buffer): string {
  const written = Buffer.allocUnsafe(bytes.length * 3);
  let to = 0;
  for (let at = 0; at < bytes.length;) {
    const end = at + characterLength(bytes, at);
    if (end === at) {
      written[to++] = 0xef;
      written[to++] = 0xbf;
      written[to++] = 0xbd;
      at++;
    }
    while (at < end) written[to++] = bytes[at++] ?? 0;
  }
  return written.toString("utf8", 0, to);
}

/** In bytes; 0 where none begins. */
function characterLength(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  for (let i = 1; i < length; i++) if (((bytes[at + i] ?? 0) & 0xc0) !== 0x80) return 0;
  return isOutOfRange(lead, bytes[at + 1] ?? 0) ? 0 : length;
}

/** Longer than it need be, half of a surrogate pair, or beyond U+10FFFF. */
function isOutOfRange(lead: number, second: number): boolean {
  switch (lead) {
    case 0xe0:
      return second < 0xa0;
    case 0xed:
      return second > 0x9f;
    case 0xf0:
      return second < 0x90;
    case 0xf4:
      return second > 0x8f;
    default:
      return false;
  }
}
