/** What is measured, in which size, by whom: the table that the rest of this folder runs. */
import { type Arm, evenkeel, peer, raw, rawFollowing, selective } from "./arms.ts";
import { figures, pictured } from "./figures.ts";
import type { Figure, Ratio } from "./report.ts";

export const SIZES = ["small", "medium", "full"] as const;
export type Size = (typeof SIZES)[number];

export interface World {
  /** ConfigMaps to mirror. */
  readonly sources: number;
  /** Namespaces to mirror them into. */
  readonly namespaces: number;
}

/** How a contender is timed. */
export type Stopwatch =
  /** By `load`, in a scenario of its own and with its flags. */
  | { readonly kind: "load"; readonly scenario: string; readonly world: World; readonly flags: readonly string[] }
  /** A fan-out by `load`, less a start with nothing to do: what each further copy costs. */
  | { readonly kind: "per-copy"; readonly world: World }
  /** From the start of the process until it is ready, with nothing to do. */
  | { readonly kind: "start" }
  /** What it costs when all copies are in place and nothing happens. */
  | { readonly kind: "rest"; readonly world: World; readonly settleMs: number; readonly overMs: number };

export interface Contender {
  readonly name: string;
  readonly arm: Arm;
  readonly stopwatch: Stopwatch;
}

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly figures: readonly Figure[];
  readonly contenders: readonly Contender[];
  readonly ratios: readonly Ratio[];
}

export const SCENARIO_NAMES = [
  "start",
  "fanout",
  "fanout-100",
  "edit",
  "edit-under-load",
  "delete",
  "linear-sources",
  "linear-namespaces",
  "restart",
  "rest",
  "memory",
] as const;
export type ScenarioName = (typeof SCENARIO_NAMES)[number];

/** What a run takes unless told. Fan-out at 100 × 40 tells little beside the smaller worlds of the other sizes. */
export function namesOf(size: Size): readonly ScenarioName[] {
  return size === "full" ? SCENARIO_NAMES : SCENARIO_NAMES.filter((name) => name !== "fanout-100");
}

/** In the order in which they run: the emptiest cluster first, the fullest last. */
export function scenarios(size: Size): readonly Scenario[] {
  return SCENARIO_NAMES.map((name) => build[name](name, size));
}

const build: Readonly<Record<ScenarioName, (name: ScenarioName, size: Size) => Scenario>> = {
  start: (name) => ({
    name,
    title: "Start: process start → ready, nothing to mirror",
    figures: [pictured(figures.ready), figures.cpu, figures.rss],
    ...against(peer, { kind: "start" }),
  }),
  fanout: (name, size) => fanout(name, { small: at(50, 20), medium: at(200, 40), full: at(500, 40) }[size]),
  "fanout-100": (name, size) => fanout(name, { small: at(20, 20), medium: at(100, 40), full: at(100, 40) }[size]),
  edit: (name, size) => edit(name, size, { title: "Edit:", flags: [] }),
  "edit-under-load": (name, size) => {
    // 80 further PUTs a second, a fifth of what saturates two cores: there the arms could not be told apart.
    const flags = ["--under-load", "--load-sources", "10", "--load-rate", "2"];
    return edit(name, size, { title: "Edit under load, 2 a second:", flags });
  },
  delete: (name, size) => {
    const world = { small: at(50, 20), medium: at(75, 40), full: at(250, 40) }[size];
    return {
      name,
      title: `Delete: ${world.sources} sources deleted → the last of their ${copies(world)} copies gone`,
      figures: [pictured(figures.wall), pictured(figures.cpu), ...servers, figures.peakRss, ...writes],
      ...against(peer, load("delete", world), rawFollowing),
    };
  },
  "linear-sources": (name, size) => {
    const base = { small: at(10, 10), medium: at(10, 40), full: at(50, 40) }[size];
    return linear(name, "sources", (times) => ({ ...base, sources: base.sources * times }));
  },
  "linear-namespaces": (name, size) => {
    const base = { small: at(20, 5), medium: at(50, 8), full: at(200, 10) }[size];
    return linear(name, "namespaces", (times) => ({ ...base, namespaces: base.namespaces * times }));
  },
  restart: (name, size) => {
    const world = { small: at(50, 20), medium: at(75, 40), full: at(500, 40) }[size];
    const seconds = { small: 4, medium: 6, full: 20 }[size];
    return {
      name,
      title: `Restart: ${copies(world)} copies in place; CPU and writes of ${seconds} s`,
      figures: [pictured(figures.ready), pictured(figures.catchUp), figures.cpu, figures.peakRss, ...writes],
      ...against(peer, load("restart", world, ["--watch-for", `${seconds}s`])),
    };
  },
  rest: (name, size) => {
    const world = { small: at(50, 20), medium: at(50, 40), full: at(500, 40) }[size];
    const seconds = { small: 5, medium: 10, full: 60 }[size];
    return {
      name,
      title: `Rest: ${seconds} s with ${copies(world)} copies in place and nothing to do`,
      figures: [pictured(figures.restCpu), pictured(figures.wakeUps), figures.rss],
      ...against(peer, {
        kind: "rest",
        world,
        settleMs: { small: 2_000, medium: 3_000, full: 5_000 }[size],
        overMs: seconds * 1_000,
      }),
    };
  },
  memory: (name, size) => {
    const world = { small: at(50, 20), medium: at(75, 40), full: at(500, 40) }[size];
    const unrelated = { small: 2_000, medium: 10_000, full: 100_000 }[size];
    const settle = ["--settle", { small: "2s", medium: "3s", full: "10s" }[size]];
    const measured = against(peer, load("memory", world, ["--unrelated", `${unrelated}`, ...settle]), selective);
    return {
      name,
      title: `Memory: ${copies(world)} copies beside ${unrelated} ConfigMaps that nobody mirrors`,
      figures: [pictured(figures.rss), pictured(figures.anon), figures.peakRss, figures.ready, figures.cpu],
      ...measured,
      ratios: ["peer", "selective"].map((to) => ({ of: "evenkeel", to })),
    };
  },
};

const servers: readonly Figure[] = [figures.apiServerCpu, figures.etcdCpu];
const writes: readonly Figure[] = [figures.writes, figures.refused];

function fanout(name: string, world: World): Scenario {
  return {
    name,
    title: `Fan-out: ${world.sources} sources × ${world.namespaces} namespaces; process start → last copy`,
    figures: [pictured(figures.wall), pictured(figures.cpu), ...servers, pictured(figures.peakRss), ...writes],
    ...against(peer, load("fanout", world), raw),
  };
}

function edit(
  name: string,
  size: Size,
  { title, flags }: { readonly title: string; readonly flags: readonly string[] },
): Scenario {
  const world = { small: at(20, 20), medium: at(50, 40), full: at(100, 40) }[size];
  const count = { small: 20, medium: 40, full: 100 }[size];
  return {
    name,
    title: `${title} ${count} edits × ${world.namespaces} copies; answer to the edit → copies changed`,
    figures: [
      figures.firstCopyP50,
      pictured(figures.lastCopyP50),
      pictured(figures.lastCopyP99),
      pictured(figures.cpu),
      ...servers,
      ...writes,
    ],
    ...against(peer, load("edit", world, ["--edits", `${count}`, "--gap", "30ms", ...flags]), rawFollowing),
  };
}

/** One controller in growing worlds: what a copy costs may not grow with them. */
function linear(name: string, what: keyof World, worldOf: (times: number) => World): Scenario {
  const [one, eight] = [worldOf(1), worldOf(8)];
  const other = what === "sources" ? `${one.namespaces} namespaces` : `${one.sources} sources`;
  return {
    name,
    title: `Growth: fan-out of ${one[what]} to ${eight[what]} ${what}, ${other}; a copy's cost, start apart`,
    figures: [pictured(figures.wallPerCopy), pictured(figures.cpuPerCopy), figures.wall, figures.cpu, figures.peakRss],
    contenders: [1, 2, 4, 8].map((times) => ({
      name: `${times}×`,
      arm: evenkeel,
      stopwatch: { kind: "per-copy", world: worldOf(times) },
    })),
    ratios: [{ of: "8×", to: "1×" }],
  };
}

/** evenkeel, the one it is compared with, and perhaps a third; all by the same stopwatch. */
function against(other: Arm, stopwatch: Stopwatch, third?: Arm): Pick<Scenario, "contenders" | "ratios"> {
  const arms = [evenkeel, other, ...(third === undefined ? [] : [third])];
  const [, ...others] = arms;
  return {
    contenders: arms.map((arm) => ({ name: arm.name, arm, stopwatch })),
    ratios: [evenkeel, ...others.slice(1)].map(({ name }) => ({ of: name, to: other.name })),
  };
}

function load(scenario: string, world: World, flags: readonly string[] = []): Stopwatch {
  return { kind: "load", scenario, world, flags };
}

function at(sources: number, namespaces: number): World {
  return { sources, namespaces };
}

function copies({ sources, namespaces }: World): number {
  return sources * namespaces;
}
