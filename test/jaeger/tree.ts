/** The spans of one trace as the tree that a person sees: by parent, in order of time. */
import type { AttributeValue, JaegerSpan } from "./otlp.ts";

export interface TreeSpan extends JaegerSpan {
  readonly children: readonly TreeSpan[];
}

/** Usually one; a trace that is not complete yet has more, each span whose parent is not there being one. */
export function roots(spans: readonly JaegerSpan[]): readonly TreeSpan[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const grown = (span: JaegerSpan): TreeSpan => ({
    ...span,
    children: inOrder(spans.filter(({ parentId }) => parentId === span.spanId)).map(grown),
  });
  return inOrder(spans.filter(({ parentId }) => parentId === undefined || !ids.has(parentId))).map(grown);
}

/** A span and everything below it, parents first. */
export function flat(span: TreeSpan): readonly TreeSpan[] {
  return [span, ...span.children.flatMap(flat)];
}

/** The names from `span` up to the root, the root first. */
export function path(spans: readonly JaegerSpan[], span: JaegerSpan): readonly string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentId);
  return [...(parent === undefined ? [] : path(spans, parent)), span.name];
}

/** For a terminal: one line a span with its duration and attributes, and one for each link. */
export function printed(spans: readonly JaegerSpan[]): string {
  return roots(spans)
    .flatMap((root) => lines(root, "", ""))
    .join("\n");
}

function lines(span: TreeSpan, first: string, rest: string): readonly string[] {
  const hasChildren = span.children.length > 0;
  const below = `${rest}${hasChildren ? "│ " : "  "} `;
  return [
    `${first}${headline(span)}`,
    ...span.links.map((link) => `${below}↪ ${link.traceId} ${link.spanId} ${attributesText(link)}`),
    ...span.children.flatMap((child, index) => {
      const isLast = index === span.children.length - 1;
      return lines(child, `${rest}${isLast ? "└─ " : "├─ "}`, `${rest}${isLast ? "   " : "│  "}`);
    }),
  ];
}

function headline(span: JaegerSpan): string {
  const error = span.status === "error" ? ` ERROR ${span.statusMessage}` : "";
  const milliseconds = (Number(span.endNs - span.startNs) / 1e6).toFixed(1);
  return `[${span.service}] ${span.name} ${milliseconds} ms${error} ${attributesText(span)}`.trimEnd();
}

function attributesText({ attributes }: Pick<JaegerSpan, "attributes">): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replace(/^evenkeel\./, "")}=${valueText(value)}`)
    .join(" ");
}

function valueText(value: AttributeValue): string {
  return typeof value === "object" ? `[${value.join("; ")}]` : String(value);
}

function inOrder(spans: readonly JaegerSpan[]): readonly JaegerSpan[] {
  return spans.toSorted((a, b) => Number(a.startNs - b.startNs) || Number(b.endNs - a.endNs));
}
