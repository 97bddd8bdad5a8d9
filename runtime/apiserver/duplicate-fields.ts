/**
 * Fields that a text names twice. Parsers keep the last one and say nothing; the API server warns, or refuses.
 *
 * Costs a serialisation of what clients serialise, and a second, slower parse of what people write.
 */
import { LineCounter, isMap, isScalar, isSeq, parseDocument } from "yaml";
import type { Json } from "./object.ts";
import { goQuoted } from "./warnings.ts";

interface Duplicate {
  /** `data.a`, `spec.containers[0].image` */
  readonly path: string;
  readonly key: string;
  readonly line: number;
}

/** In the words of the real server for JSON. @param value what was parsed from `text`. */
export function duplicatesInJson(text: string, value: Json): readonly string[] {
  return duplicates(text, value).map(({ path }) => `duplicate field ${goQuoted(path)}`);
}

/** In its words for YAML, which may be JSON as well. */
export function duplicatesInYaml(text: string, value: Json): readonly string[] {
  return duplicates(text, value).map(({ line, key }) => `line ${line}: key ${goQuoted(key)} already set in map`);
}

function duplicates(text: string, value: Json): readonly Duplicate[] {
  // Nothing is missing from what comes out as it went in.
  if (JSON.stringify(value) === text.trimEnd()) return [];
  const lines = new LineCounter();
  const found: Duplicate[] = [];
  const walk = (node: unknown, path: string): void => {
    if (isSeq(node)) node.items.forEach((item, i) => walk(item, `${path}[${i}]`));
    if (!isMap(node)) return;
    const seen = new Set<string>();
    for (const { key, value: child } of node.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      const childPath = path === "" ? name : `${path}.${name}`;
      if (seen.has(name)) found.push({ path: childPath, key: name, line: lines.linePos(key.range?.[0] ?? 0).line });
      seen.add(name);
      walk(child, childPath);
    }
  };
  walk(parseDocument(text, { uniqueKeys: false, lineCounter: lines }).contents, "");
  return found;
}
