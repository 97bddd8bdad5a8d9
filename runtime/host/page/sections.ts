/** The parts of the status page, each on its own: the document puts them together, the live streams send those that changed. */
import type { FunctionStatus, LeaseStatus, Status, StatusSource } from "../status.ts";
import { cachesSection } from "./caches.ts";
import { keySection, type Question } from "./key.ts";
import { badge, keyHref, list, plural, rough, timeOfDay, triedAgain } from "./words.ts";
import { html, type Markup } from "./markup.ts";
import { reconcilesSection } from "./reconciles.ts";

export type SectionName = "summary" | "problems" | "key" | "functions" | "caches" | "reconciles";

/** The same status gives the same text: what is equal is not sent again. */
export function sectionsOf(source: StatusSource, question: Question): ReadonlyMap<SectionName, Markup> {
  return new Map([...sharedSections(source.read()), ["key", keySection(source, question)]]);
}

/** Those that are the same for everybody. */
export function sharedSections(status: Status): ReadonlyMap<SectionName, Markup> {
  return new Map<SectionName, Markup>([
    ["summary", summarySection(status)],
    ["problems", problemsSection(status)],
    ["functions", functionsSection(status)],
    ["caches", cachesSection(status.caches)],
    ["reconciles", reconcilesSection(status.reconciles)],
  ]);
}

function summarySection({ version, identity, uptimeMs, notReady, lease }: Status): Markup {
  const readiness = notReady.length === 0 ? badge("good", "Ready") : badge("bad", "Not ready");
  return html`<p class="summary" id="headline">${readiness} ${leadership(lease)}</p>
    <p class="faint">version ${version} · up ${rough(uptimeMs)} · ${identity}</p>`;
}

function leadership(lease: LeaseStatus | undefined): Markup {
  if (lease === undefined) return html`<span>Works without a lease</span>`;
  if (lease.isLeading) return html`${badge("good", "Leads")} <span>by lease ${lease.name}</span>`;
  const holder = lease.holder === undefined ? "not read yet" : lease.holder === "" ? "held by nobody" : "held by ";
  return html`${badge("calm", "Stands by")} <span>lease ${lease.name}, ${holder}<b>${lease.holder}</b></span>`;
}

function problemsSection({ notReady, problems, functions }: Status): Markup {
  const suspended = functions.flatMap(({ name, suspension }) =>
    suspension === undefined ? [] : [{ name, suspension }],
  );
  if (notReady.length + problems.length + suspended.length === 0) return html``;
  // The check of the functions quotes the first of the problems that are told in full below it.
  const checks = notReady.filter(({ check }) => check !== "functions");
  return html`<section class="alert" aria-labelledby="problems-title">
    <h2 id="problems-title">What is wrong</h2>
    <ul>
      ${checks.map(({ check, reason }) => html`<li><b>${check}</b> ${reason}</li>`)}
      ${suspended.map(({ name, suspension }) => html`<li><b>${name}</b> is suspended: ${suspension.reason}</li>`)}
      ${problems.map(({ about, message }) => html`<li><b>${about ?? "configuration"}</b> ${message}</li>`)}
    </ul>
  </section>`;
}

function functionsSection({ functions }: Status): Markup {
  return html`<section aria-labelledby="functions-title">
    <h2 id="functions-title">Functions</h2>
    <div class="cards">${functions.length === 0 ? html`<p>None is at work yet.</p>` : functions.map(functionCard)}</div>
  </section>`;
}

function functionCard(it: FunctionStatus): Markup {
  const titleId = `function-${it.name}`;
  return html`<article class="card" id="card-${it.name}" aria-labelledby="${titleId}">
    <h3 id="${titleId}">${it.name}</h3>
    <p>${stateBadge(it)} ${it.isDryRun ? badge("calm", "Dry run: plans, writes nothing") : html``}</p>
    ${it.waitsFor.length === 0 ? html`` : html`<p>Waits for ${list(it.waitsFor)}</p>`}
    <dl class="facts">
      <dt>Watches</dt>
      <dd><code>${it.watches}</code></dd>
      <dt>Reads</dt>
      <dd>${list(it.reads)}</dd>
      <dt>Writes</dt>
      <dd>${list(it.writes)}</dd>
      <dt>File</dt>
      <dd><code>${it.file}</code>, generation ${it.generation}</dd>
      ${lastError(it)}
    </dl>
    ${queueTable(it)}
    ${
      it.troubled.length === 0
        ? html``
        : html`<p>
            In trouble: ${it.troubled.map((key) => html`<a class="key" href="${keyHref(it.name, key)}">${key}</a> `)}
          </p>`
    }
    ${lookUp(it)}
  </article>`;
}

function stateBadge({ state, problem, suspension }: FunctionStatus): Markup {
  const refused = problem === undefined ? html`` : badge("bad", "Newest version refused");
  if (suspension !== undefined) {
    const next = suspension.forMs === 0 ? "about to be tried again" : triedAgain(suspension.forMs);
    return html`${refused} ${badge("bad", "Suspended")} <span>${next}</span>`;
  }
  if (problem !== undefined) return html`${refused} <span>the last good one goes on</span>`;
  return state === "working"
    ? badge("good", "Working")
    : badge("calm", `${state.slice(0, 1).toUpperCase()}${state.slice(1)}`);
}

function lastError({ name, lastError, faultCount }: FunctionStatus): Markup {
  const error =
    lastError === undefined
      ? html``
      : html`<dt>Last error</dt>
          <dd>
            <code>${lastError.code}</code> on <a class="key" href="${keyHref(name, lastError.key)}">${lastError.key}</a>
            at ${timeOfDay(lastError.at)} UTC: ${lastError.next}
          </dd>`;
  if (faultCount === 0) return error;
  return html`${error}
    <dt>Threads</dt>
    <dd>${faultCount} ended by what it did</dd>`;
}

function queueTable({ name, keyCount, queue }: FunctionStatus): Markup {
  return html`<table class="numbers">
    <caption class="for-readers">
      Keys and queue of ${name}
    </caption>
    <thead>
      <tr>
        <th scope="col">Keys</th>
        <th scope="col">Ready</th>
        <th scope="col">Low</th>
        <th scope="col">Delayed</th>
        <th scope="col">Running</th>
      </tr>
    </thead>
    <tbody>
      <tr>
        <td>${keyCount}</td>
        <td>${queue.high}</td>
        <td>${queue.low}</td>
        <td>${queue.delayed}</td>
        <td>${queue.processing}</td>
      </tr>
    </tbody>
  </table>`;
}

function lookUp({ name, keyCount }: FunctionStatus): Markup {
  const field = `look-up-${name}`;
  return html`<form action="/" method="get" class="look-up">
    <input type="hidden" name="function" value="${name}" />
    <label for="${field}">Explain a key <span class="faint">(${plural(keyCount, "key")})</span></label>
    <span class="field"
      ><input
        id="${field}"
        name="key"
        type="search"
        placeholder="namespace/name"
        autocomplete="off"
        spellcheck="false"
        autocapitalize="none"
      /><button>Explain<span class="for-readers"> a key of ${name}</span></button></span
    >
  </form>`;
}
