/**
 * The status page in a real browser, fed by a real host on the embedded API server: what a person sees, with and without a
 * mouse, on a phone and on a desk, in the dark and in the light.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, suite, test, type TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { HostProcess } from "../e2e/host-process.ts";
import { fileOf } from "../reconcile/cell/corpus.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { until } from "../support/wait.ts";
import { findChromium, startChromium, type Browser } from "./chromium.ts";
import type { Tab } from "./devtools.ts";
import { contrastProblems, overflowing } from "./looks.js";

const chromium = findChromium(process.env);
const skip = "why" in chromium ? chromium.why : false;

/** What ends with the suite: hooks that are set within a hook would run when that hook ends. */
const ends: (() => unknown)[] = [];
const hooks: Pick<TestContext, "after"> = { after: (end) => ends.push(end as () => unknown) };

const phone = { width: 390, height: 844, deviceScaleFactor: 1, mobile: true };
const desk = { width: 1280, height: 900, deviceScaleFactor: 1, mobile: false };

suite(`the status page in a browser${skip === false ? "" : ` (skipped: ${skip})`}`, { skip }, () => {
  let browser: Browser;
  let host: HostProcess;
  let url: string;
  let api: string;
  const tabs: Tab[] = [];
  /** Stands for the page of a Jaeger: what it was asked for, and from where. */
  const asked: { readonly path: string | undefined; readonly referer: string | undefined }[] = [];
  const viewer = createServer(({ url: path, headers: { referer } }, response) => {
    asked.push({ path, referer });
    response.end("a trace");
  });

  before(async () => {
    const { path: cwd } = await tempFolder(hooks);
    await once(viewer.listen(0, "127.0.0.1"), "listening");
    ends.unshift(() => viewer.close());
    const { port } = viewer.address() as AddressInfo;
    host = new HostProcess(hooks, { cwd, env: { EVENKEEL_TRACE_LINK: `http://127.0.0.1:${port}/trace/{traceId}` } });
    [, api = ""] = await host.waitForLine(/API server at (http:\S+)\. /);
    url = await host.address();
    await host.waitForLine(/mirror default\/settings: 2 created/);
    await seed();
    browser = await startChromium(hooks, "path" in chromium ? chromium.path : "");
  });

  after(async () => {
    for (const end of ends.toReversed()) await end();
  });

  // A browser has six connections for one origin, and each tab that is in sight keeps one.
  afterEach(async () => {
    for (const tab of tabs.splice(0)) await tab.send("Page.close");
  });

  /** Names as long as they come, and a copy that a stranger's object is in the way of. */
  async function seed(): Promise<void> {
    await create("", "namespaces", { name: `team-${"n".repeat(58)}` });
    await create("default", "configmaps", { name: `${"long-name.".repeat(25)}end`, labels: { mirror: "true" } });
    await create("team-a", "configmaps", { name: "taken" });
    await create("default", "configmaps", { name: "taken", labels: { mirror: "true" } });
    await host.waitForLine(/mirror default\/taken: /);
  }

  async function create(namespace: string, plural: string, metadata: object): Promise<void> {
    const within = namespace === "" ? "" : `/namespaces/${namespace}`;
    const kind = plural === "namespaces" ? "Namespace" : "ConfigMap";
    const response = await fetch(`${api}/api/v1${within}/${plural}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "v1",
        kind,
        metadata,
        ...(kind === "ConfigMap" && { data: { secret: "s3cr3t-value" } }),
      }),
    });
    assert.equal(response.status, 201, await response.text());
  }

  async function visit(path: string, { screen = desk, scheme = "light", hasScript = true } = {}): Promise<Tab> {
    const tab = await browser.open();
    tabs.push(tab);
    await tab.send("Emulation.setDeviceMetricsOverride", screen);
    await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    await tab.send("Emulation.setScriptExecutionDisabled", { value: !hasScript });
    await tab.send("Page.navigate", { url: url + path });
    await until(() => has(tab, "Page.loadEventFired"), { what: "the page is loaded" });
    return tab;
  }

  test("shows functions, caches, reconciles and no object's data, and complains of nothing", async () => {
    const tab = await visit("/");
    for (const text of [
      "cleanup-on-delete",
      "v1/Namespace */*",
      "Works without a lease",
      "2\u00a0×\u00a0create",
      "Live",
    ])
      await shows(tab, text);
    assert.ok(!(await tab.evaluate<string>("document.documentElement.outerHTML")).includes("s3cr3t-value"));
    const complaints = tab.events.filter(
      ({ method, params }) =>
        method === "Runtime.exceptionThrown" ||
        method === "Log.entryAdded" ||
        (method === "Runtime.consoleAPICalled" && params["type"] !== "log"),
    );
    assert.deepEqual(complaints, []);
    const asked = tab.events.flatMap(({ method, params }) =>
      method === "Network.requestWillBeSent" ? [(params["request"] as { readonly url: string }).url] : [],
    );
    assert.ok(asked.length >= 4 && asked.every((each) => each.startsWith(url)), asked.join(" "));
  });

  test("leads to the trace of a reconcile, and does not tell where from", async () => {
    for (const [path, link] of [
      ["/", "#reconciles .trace a"],
      [keyPage("mirror", "default/settings"), "#key .run a[rel=noreferrer]"],
    ] as const) {
      const tab = await visit(path);
      await shows(tab, "Live");
      const traceId = await tab.evaluate<string>(`document.querySelector("${link}").textContent`);
      assert.match(traceId, /^[0-9a-f]{32}$/);
      await tab.evaluate(`document.querySelector("${link}").click()`);
      await shows(tab, "a trace");
      const trace = asked.findLast(({ path }) => path?.startsWith("/trace/"));
      assert.deepEqual(trace, { path: `/trace/${traceId}`, referer: undefined });
    }
  });

  test("shows a change that was made in the cluster, without moving the focus", async (t) => {
    const tab = await visit("/");
    await shows(tab, "Live");
    const focused = await tab.evaluate<string>(`(() => {
      const link = document.querySelector("#reconciles a.key"); link.focus(); return link.id; })()`);
    const startedMs = systemClock.now();
    await create("default", "configmaps", { name: "news", labels: { mirror: "true" } });
    await shows(tab, "default/news");
    t.diagnostic(`from the write to the page: ${Math.round(systemClock.now() - startedMs)} ms`);
    assert.equal(await tab.evaluate("document.activeElement.id"), focused);
  });

  test("explains a key that is found by keyboard alone", async () => {
    const tab = await visit("/");
    await tab.press("Tab");
    assert.equal(await tab.evaluate("document.activeElement.className"), "skip");
    await tab.press("Enter");
    const label = (): Promise<string> => tab.evaluate("document.activeElement.textContent.trim()");
    const seen: string[] = [];
    while ((await label()) !== "default/settings") {
      await tab.press("Tab");
      seen.push(await label());
      assert.ok(seen.length < 80, seen.join(" | "));
      const outline = await tab.evaluate<string>("getComputedStyle(document.activeElement).outlineStyle");
      assert.equal(outline, "solid", `the focus on ${seen.at(-1)} is seen`);
    }
    await tab.press("Enter");
    for (const text of ["Why it ran", "source added", "What it owns", "v1/ConfigMap team-b/settings"])
      await shows(tab, text);
    await shows(tab, "v1/Namespace */team-*");
  });

  test("says what stands in the way of a key", async () => {
    const tab = await visit("/");
    await shows(tab, "In trouble");
    await tab.send("Page.navigate", { url: url + keyPage("mirror", "default/taken") });
    await shows(tab, "exists and is not ours");
    assert.match(
      await tab.evaluate<string>("document.getElementById('key').textContent"),
      /v1\/ConfigMap team-a\/taken/,
    );
  });

  test("names a function that is suspended, with its last error, on every screen", async () => {
    const looper = fileOf({ source: "for (;;);" })
      .replace("watches: ConfigMap", "watches: Namespace")
      .replace("{ ConfigMap", "{ Namespace, ConfigMap");
    const { path: cwd } = await tempFolder(hooks, { "functions/looper.js": looper });
    const troubled = new HostProcess(hooks, { cwd, args: ["--functions", "functions"] });
    const address = await troubled.address();
    await troubled.waitForLine(/function suspended/);
    for (const [name, screen] of Object.entries({ phone, desk }))
      for (const scheme of ["light", "dark"]) {
        const tab = await visit("/", { screen, scheme });
        await tab.send("Page.navigate", { url: address });
        for (const text of [
          "looper is suspended: looper did not return",
          "Suspended",
          "FUNCTION_TIMED_OUT",
          "ended by what it did",
        ])
          await shows(tab, text);
        await shows(tab, "Live");
        assert.deepEqual(await tab.evaluate(`(${overflowing.toString()})()`), [], name);
        assert.deepEqual(await tab.evaluate(`(${contrastProblems.toString()})()`), [], name);
        await keep(tab, `suspended-${name}-${scheme}`);
      }
    await troubled.stop();
  });

  test("finds a key by a part of its name, and says so when there is none", async () => {
    const tab = await visit(keyPage("mirror", "sett"));
    await shows(tab, "Keys of mirror with “sett” in them");
    assert.equal(await tab.evaluate("document.querySelector('#key a.key').textContent"), "default/settings");
    await shows(await visit(keyPage("mirror", "<b>&\"'")), "No key of mirror has “<b>&\"'” in it");
    await shows(await visit(keyPage("nobody", "x")), "There is no function nobody at work");
  });

  test("is complete without a script", async () => {
    const tab = await visit(keyPage("mirror", "default/settings"), { hasScript: false });
    await tab.send("Emulation.setScriptExecutionDisabled", { value: false });
    for (const text of ["reload for news", "What it owns", "cleanup-on-delete"]) await shows(tab, text);
    assert.equal(await tab.evaluate("document.getElementById('pause').hidden"), true);
  });

  test("can be paused, stands still for those who ask for less motion, and says when the host is gone", async () => {
    const { path: other } = await tempFolder(hooks);
    const second = new HostProcess(hooks, { cwd: other });
    const tab = await visit("/");
    await tab.send("Page.navigate", { url: await second.address() });
    await shows(tab, "Live");
    const motion = (): Promise<string> =>
      tab.evaluate("getComputedStyle(document.getElementById('live'), '::before').animationName");
    assert.equal(await motion(), "breathe");
    await tab.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }] });
    assert.equal(await motion(), "none");
    await tab.evaluate("document.getElementById('pause').click()");
    await shows(tab, "Paused");
    await tab.evaluate("document.getElementById('pause').click()");
    await shows(tab, "Live");
    await second.stop();
    await shows(tab, "Connection lost");
  });

  test("has landmarks, headings, named fields and tables that a screen reader finds", async () => {
    const tab = await visit(keyPage("mirror", "default/settings"), { screen: phone });
    const { nodes } = (await tab.send("Accessibility.getFullAXTree")) as { readonly nodes: readonly AxNode[] };
    const named = (role: string): readonly string[] =>
      nodes.flatMap((node) => (node.role?.value === role && node.ignored !== true ? [node.name?.value ?? ""] : []));
    assert.deepEqual([named("banner").length, named("main").length, named("contentinfo").length], [1, 1, 1]);
    assert.deepEqual(named("region").toSorted(), ["Caches", "Functions", "Key default/settings", "Last reconciles"]);
    for (const role of ["searchbox", "button", "link", "heading", "columnheader"])
      assert.ok(
        named(role).length > 0 && named(role).every((name) => name !== ""),
        `${role}: ${named(role).join(" | ")}`,
      );
    assert.ok(named("columnheader").includes("Last heard"), "rows are a table on a phone, too");
    assert.equal(named("status").length, 1);
  });

  for (const [screenName, screen] of Object.entries({ phone, desk }))
    for (const scheme of ["light", "dark"])
      test(`fits a ${screenName} and is readable in ${scheme}`, async () => {
        for (const [pageName, path] of Object.entries({
          all: "/",
          key: keyPage("mirror", "default/settings"),
          long: keyPage("mirror", `default/${"long-name.".repeat(25)}end`),
          blocked: keyPage("mirror", "default/taken"),
        })) {
          const tab = await visit(path, { screen, scheme });
          await shows(tab, "Live");
          assert.deepEqual(await tab.evaluate(`(${overflowing.toString()})()`), [], pageName);
          assert.deepEqual(await tab.evaluate(`(${contrastProblems.toString()})()`), [], pageName);
          await keep(tab, `${pageName}-${screenName}-${scheme}`);
        }
      });

  test("is light and quick", async (t) => {
    const tab = await visit("/");
    await shows(tab, "Live");
    const paint = await until(
      async () =>
        (await tab.evaluate<number | null>(
          `performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null`,
        )) ?? undefined,
      { what: "the first paint is measured" },
    );
    const bytes = await tab.evaluate<number>(`[...performance.getEntriesByType("navigation"), ...performance
      .getEntriesByType("resource")].reduce((sum, each) => sum + each.transferSize, 0)`);
    t.diagnostic(`page weight ${(bytes / 1024).toFixed(1)} KiB, first contentful paint ${Math.round(paint)} ms`);
    assert.ok(bytes < 64 * 1024, `${bytes} bytes`);
    assert.ok(paint < 2_000, `${paint} ms`);
  });
});

function has(tab: Tab, method: string): boolean {
  return tab.events.some((event) => event.method === method);
}

function shows(tab: Tab, text: string): Promise<true> {
  // Between two pages there is no body.
  const isThere = `document.body?.textContent.includes(${JSON.stringify(text)}) ?? false`;
  return until<true>(() => tab.evaluate<boolean>(isThere), { what: `the page shows ${text}` });
}

function keyPage(functionName: string, key: string): string {
  return `/?${new URLSearchParams({ function: functionName, key }).toString()}`;
}

interface AxNode {
  readonly ignored?: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
}

/** Pictures for people to look at, where a folder is named for them. */
async function keep(tab: Tab, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${name}.png`), await tab.screenshot());
}
