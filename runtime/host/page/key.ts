/** One key on the page: why it ran, what it read, what it owns, what blocks it, and its last traces. */
import type { KeyStatus, Obstacle } from "../key-status.ts";
import type { StatusSource } from "../status.ts";
import { duration } from "../../trace/reconcile-line.ts";
import { outcome, traceId, writes } from "./reconciles.ts";
import { badge, keyHref, plural, timeOfDay, triedAgain } from "./words.ts";
import { html, type Markup } from "./markup.ts";
import { waterfall } from "./waterfall.ts";

/** What the address asks for. */
export interface Question {
  readonly function: string | undefined;
  readonly key: string | undefined;
}

export function keySection(source: StatusSource, { function: functionName, key }: Question): Markup {
  if (functionName === undefined || key === undefined) return html``;
  const status = source.key(functionName, key);
  if (status === undefined) return frame(key, html`<p>There is no function <b>${functionName}</b> at work.</p>`);
  if (status.exists || status.reconciles.length > 0) return explanation(status);
  return frame(key, suggestions(functionName, key, source.keysLike(functionName, key)));
}

function frame(key: string, content: Markup): Markup {
  return html`<section class="card wide" aria-labelledby="key-title">
    <h2 id="key-title">Key <span class="key">${key}</span></h2>
    ${content}
    <p><a href="/">Back to everything</a></p>
  </section>`;
}

function suggestions(functionName: string, key: string, keys: readonly string[]): Markup {
  if (keys.length === 0) return html`<p>No key of ${functionName} has “${key}” in it.</p>`;
  return html`<p>Keys of ${functionName} with “${key}” in them:</p>
    <ul>
      ${keys.map((each) => html`<li><a class="key" href="${keyHref(functionName, each)}">${each}</a></li>`)}
    </ul>`;
}

function explanation(it: KeyStatus): Markup {
  return frame(
    it.key,
    html`<p>
        ${it.exists ? badge("good", it.kind) : badge("calm", `${it.kind}, gone`)}
        <span>function <b>${it.function}</b></span>
        ${it.isRunning ? badge("calm", "Running now") : html``}
        ${it.retries === 0 ? html`` : badge("bad", `${plural(it.retries, "failure")} in a row`)}
      </p>
      <div class="columns">
        ${part("Why it ran", it.wakes, "Its last run is no longer kept.")}
        ${part("What it read", it.reads, "Nothing.", it.readCount)}
        ${part("What it owns", it.children, "Nothing.", it.childCount)}
        <div>
          <h3>What blocks it</h3>
          ${
            it.obstacles.length === 0
              ? html`<p>Nothing.</p>`
              : html`<ul class="plain">
                  ${it.obstacles.map(obstacle)}
                </ul>`
          }
        </div>
      </div>
      <h3>Its last runs</h3>
      ${it.reconciles.length === 0 ? html`<p>None is kept; runs that change nothing go first.</p>` : runs(it)}`,
  );
}

function part(title: string, items: readonly string[], none: string, count: number = items.length): Markup {
  const rest = count - items.length;
  return html`<div>
    <h3>${title}</h3>
    ${
      items.length === 0
        ? html`<p>${none}</p>`
        : html`<ul class="plain">
            ${items.map((item) => html`<li><code>${item}</code></li>`)}
            ${rest > 0 ? html`<li>and ${rest} more</li>` : html``}
          </ul>`
    }
  </div>`;
}

function obstacle({ target, reason, inMs }: Obstacle): Markup {
  const next = inMs === undefined ? "looked at when it changes" : triedAgain(inMs);
  return html`<li><code>${target}</code> ${reason} <span class="faint">(${next})</span></li>`;
}

function runs({ reconciles, traces }: KeyStatus): Markup {
  return html`${reconciles.map((run, i) => {
    const trace = traces.find(({ traceId }) => traceId === run.traceId);
    return html`<details class="run" id="run-${run.traceId}" ${i === 0 ? html`open` : html``}>
      <summary>
        ${timeOfDay(run.start)} ${outcome(run)} ${writes(run)} <span class="faint">${duration(run.durationMs)}</span>
      </summary>
      ${trace === undefined ? html`` : waterfall(trace)}
      <p class="faint">
        woke: ${run.woke ?? "unknown"} · trace ${traceId(run)} ·
        <a href="/traces/${run.traceId}">as JSON<span class="for-readers">, trace ${run.traceId}</span></a>
      </p>
    </details>`;
  })}`;
}
