/** A trace as bars below each other: SVG attributes, because the page allows no styles of its own in the markup. */
import type { SpanNode, TraceTree } from "../../trace/recent.ts";
import { attributes } from "../../trace/names.ts";
import { duration } from "../../trace/reconcile-line.ts";
import { html, type Markup } from "./markup.ts";

/** A trace of a hundred writes is read elsewhere. */
const SPANS_SHOWN = 30;
/** A bar that is shorter could not be seen. In hundredths of the width. */
const MIN_WIDTH = 0.5;

export function waterfall({ root, omittedCount }: TraceTree): Markup {
  const spans = flat(root);
  const rest = Math.max(0, spans.length - SPANS_SHOWN) + omittedCount;
  return html`<ol class="waterfall">
    ${spans.slice(0, SPANS_SHOWN).map((span) => bar(span, root))} ${rest > 0 ? html`<li>and ${rest} more</li>` : html``}
  </ol>`;
}

function flat(span: SpanNode): readonly SpanNode[] {
  return [span, ...span.children.flatMap(flat)];
}

function bar(span: SpanNode, root: SpanNode): Markup {
  const whole = Math.max(root.durationMs, 0.001);
  const x = clamp((span.offsetMs / whole) * 100, 0, 100 - MIN_WIDTH);
  const width = clamp((span.durationMs / whole) * 100, MIN_WIDTH, 100 - x);
  return html`<li class="${span.status === "error" ? "failed" : ""}">
    <span class="span-name">${span.name}${target(span)}</span>
    <span class="span-time number">${result(span)} ${duration(span.durationMs)}</span>
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <rect class="track" width="100" height="6" />
      <rect x="${x.toFixed(2)}" width="${width.toFixed(2)}" height="6" />
    </svg>
  </li>`;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Which object a write is about; the other spans are about the key itself. */
function target({ attributes: given }: SpanNode): Markup {
  const name = given[attributes.name];
  if (given[attributes.verb] === undefined || typeof name !== "string") return html``;
  const namespace = given[attributes.namespace];
  return html` <span class="key">${typeof namespace === "string" ? `${namespace}/${name}` : name}</span>`;
}

/** What the server said: the status code, and what it means where that is not simply that it was done. */
function result({ attributes: given }: SpanNode): Markup {
  const status = given[attributes.httpStatus];
  const said = given[attributes.result];
  return html`${typeof status === "number" ? status : ""} ${typeof said === "string" && said !== "ok" ? said : ""}`;
}
