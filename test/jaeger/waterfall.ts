/** One trace as an SVG waterfall: a row per span with what it says in short, a bar for its time, a colour per service. */
import { attributes as keys } from "../../runtime/trace/names.ts";
import type { AttributeValue, JaegerSpan, SpanAttributes } from "./otlp.ts";
import { flat, roots, type TreeSpan } from "./tree.ts";

const WIDTH = 1080;
const ROW = 24;
const HEAD = 66;
const MARGIN = 20;
/** Where the time begins, and where it ends. */
const [LEFT, RIGHT] = [560, WIDTH - 84];

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1f2328; }
  .page { fill: #ffffff; } .stripe { fill: #f3f5f8; } .grid { stroke: #d5dae1; }
  .dim { fill: #59636e; } .title { font-weight: 600; font-size: 15px; } .number { text-anchor: end; }
  .s0 { fill: #2f6fde; } .s1 { fill: #1a8a5a; } .s2 { fill: #b7670b; } .error { fill: #c9352b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .page { fill: #0f141a; } .stripe { fill: #171d25; } .grid { stroke: #303946; }
    .dim { fill: #9aa5b1; } .s0 { fill: #6ea3ff; } .s1 { fill: #4cc38a; } .s2 { fill: #e5a13d; } .error { fill: #ff7b72; }
  }`;

/** @param spans of one trace, with one root */
export function waterfall(spans: readonly JaegerSpan[], title: string): string {
  const [root] = roots(spans);
  if (root === undefined) throw new Error("a trace without spans");
  const rows = flat(root);
  const services = [...new Set(rows.map(({ service }) => service))];
  const height = HEAD + rows.length * ROW + MARGIN;
  const start = rows.reduce((first, { startNs }) => (startNs < first ? startNs : first), root.startNs);
  const end = rows.reduce((last, { endNs }) => (endNs > last ? endNs : last), root.endNs);
  const scale = (ns: bigint): number => LEFT + (Number(ns - start) / Number(end - start)) * (RIGHT - LEFT);
  const depths = new Map(rows.map((span) => [span.spanId, 0]));
  for (const span of rows)
    for (const child of span.children) depths.set(child.spanId, (depths.get(span.spanId) ?? 0) + 1);
  const totalMs = Number(end - start) / 1e6;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}
</style>
<rect class="page" width="${WIDTH}" height="${height}" rx="8"/>
<text class="title" x="${MARGIN}" y="28">${escaped(title)}</text>
${legend(services)}
${grid(totalMs, height)}
${rows.map((span, index) => row(span, { index, depth: depths.get(span.spanId) ?? 0, colour: services.indexOf(span.service), scale })).join("\n")}
</svg>
`;
}

interface Place {
  readonly index: number;
  readonly depth: number;
  readonly colour: number;
  readonly scale: (ns: bigint) => number;
}

function row(span: TreeSpan, { index, depth, colour, scale }: Place): string {
  const top = HEAD + index * ROW;
  const [from, to] = [scale(span.startNs), scale(span.endNs)];
  const x = MARGIN + depth * 13;
  const stripe = index % 2 === 0 ? `<rect class="stripe" x="8" y="${top}" width="${WIDTH - 16}" height="${ROW}"/>` : "";
  const status = span.status === "error" ? "error" : `s${colour}`;
  const note = noteOf(span);
  const said = note === "" ? "" : `<tspan class="dim" dx="8">${escaped(note)}</tspan>`;
  return `${stripe}<text x="${x}" y="${top + 16}">${escaped(nameOf(span))}${said}</text><rect class="${status}" x="${from.toFixed(1)}" y="${top + 7}" width="${Math.max(2, to - from).toFixed(1)}" height="10" rx="2"/><text class="number dim" x="${WIDTH - MARGIN}" y="${top + 16}">${(Number(span.endNs - span.startNs) / 1e6).toFixed(1)} ms</text>`;
}

function legend(services: readonly string[]): string {
  return services
    .map((service, index) => {
      const x = LEFT + index * 110;
      return `<rect class="s${index}" x="${x}" y="18" width="12" height="12" rx="2"/><text x="${x + 18}" y="28">${escaped(service)}</text>`;
    })
    .join("");
}

function grid(totalMs: number, height: number): string {
  const step = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].find((each) => totalMs / each <= 6) ?? 1_000;
  const lines: string[] = [];
  for (let ms = 0; ms <= totalMs; ms += step) {
    const x = LEFT + (ms / totalMs) * (RIGHT - LEFT);
    lines.push(
      `<line class="grid" x1="${x.toFixed(1)}" y1="${HEAD - 6}" x2="${x.toFixed(1)}" y2="${height - MARGIN}"/><text class="dim" x="${(x + 3).toFixed(1)}" y="${HEAD - 8}">${ms} ms</text>`,
    );
  }
  return lines.join("");
}

/** The path template of the API server is longer than the column. */
function nameOf({ name }: TreeSpan): string {
  return name.replace("/api/v1/namespaces/{:namespace}", "…");
}

/** What a person would look for first. */
function noteOf({ name, attributes, service }: TreeSpan): string {
  if (service !== "evenkeel") return text(attributes["key"] ?? attributes["http.response.status_code"]);
  if (name.startsWith("reconcile ")) return `${text(attributes[keys.key])} · woke: ${text(attributes[keys.wakes])}`;
  if (name.startsWith("run ")) return `${text(attributes[keys.readCount])} reads, wants ${wanted(attributes)}`;
  if (name === "plan") return planned(attributes);
  if (name === "wait for cache") return text(attributes[keys.result]);
  const result = attributes[keys.result];
  if (result === undefined) return "";
  return `${text(attributes[keys.namespace])}/${text(attributes[keys.name])}: ${text(result)}`;
}

function wanted(attributes: SpanAttributes): string {
  const children = attributes[keys.wantsChildren];
  if (children === undefined) return `${text(attributes[keys.wantsDeletions])} deletions`;
  return children === 1 ? "1 child" : `${text(children)} children`;
}

function planned(attributes: SpanAttributes): string {
  const counts = { create: keys.planCreates, update: keys.planUpdates, delete: keys.planDeletes, held: keys.planHeld };
  const parts = Object.entries(counts).flatMap(([what, key]) => {
    const count = Number(attributes[key] ?? 0);
    return count === 0 ? [] : [`${count} ${what}`];
  });
  return parts.length === 0 ? "nothing to do" : parts.join(", ");
}

function text(value: AttributeValue | undefined): string {
  if (value === undefined) return "";
  return typeof value === "object" ? value.join(", ") : String(value);
}

function escaped(plain: string): string {
  return plain.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
