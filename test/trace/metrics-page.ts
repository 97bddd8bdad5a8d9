/** Reads a page in the Prometheus text format 0.0.4, strictly: what is not understood is an error. */
import assert from "node:assert/strict";

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By sample name and labels: `workqueue_adds_total{controller="mirror",name="mirror"}`, label names sorted. */
  readonly samples: ReadonlyMap<string, number>;
}

const SAMPLE = /^(?<name>[a-zA-Z_:][\w:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<name>[a-zA-Z_]\w*)="(?<value>(?:[^"\\\n]|\\.)*)"(?:,|$)/gy;

export function parseMetrics(text: string): ReadonlyMap<string, Family> {
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  let current = "";
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === "HELP" && name !== undefined) {
      assert.ok(!families.has(name), `${name} appears once`);
      families.set(name, { type: "", help: rest ?? "", samples: new Map() });
      current = name;
      continue;
    }
    const family = families.get(current);
    assert.ok(family !== undefined, `a family before ${line}`);
    if (keyword === "TYPE") {
      assert.equal(name, current);
      family.type = rest ?? "";
      continue;
    }
    const sample = SAMPLE.exec(line)?.groups;
    assert.ok(sample?.["name"]?.startsWith(current) === true, `a sample of ${current}: ${line}`);
    const key = `${sample["name"]}${labelText(sample["labels"] ?? "")}`;
    assert.ok(!family.samples.has(key), `${key} appears once`);
    family.samples.set(key, Number(sample["value"]));
  }
  return families;
}

/** All of them, whatever their family. */
export function samplesOf(page: string): ReadonlyMap<string, number> {
  const all = new Map<string, number>();
  for (const { samples } of parseMetrics(page).values()) for (const [key, value] of samples) all.set(key, value);
  return all;
}

function labelText(text: string): string {
  if (text === "") return "";
  const pairs: string[] = [];
  LABEL.lastIndex = 0;
  for (let end = 0; end < text.length; end = LABEL.lastIndex) {
    const match = LABEL.exec(text);
    assert.ok(match !== null, `labels: ${text}`);
    pairs.push(`${match.groups?.["name"]}="${match.groups?.["value"]}"`);
  }
  return `{${pairs.toSorted().join(",")}}`;
}
