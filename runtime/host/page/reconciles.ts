/** The last reconciles: what each did, why it ran, how long it took. */
import type { ReconcileStatus } from "../reconcile-status.ts";
import { duration } from "../../trace/reconcile-line.ts";
import { badge, keyHref, plural, timeOfDay } from "./words.ts";
import { html, type Markup } from "./markup.ts";

export function reconcilesSection(reconciles: readonly ReconcileStatus[]): Markup {
  return html`<section aria-labelledby="reconciles-title">
    <h2 id="reconciles-title">Last reconciles</h2>
    ${reconciles.length === 0 ? html`<p>None yet.</p>` : reconcilesTable(reconciles)}
  </section>`;
}

function reconcilesTable(reconciles: readonly ReconcileStatus[]): Markup {
  return html`<table class="rows" role="table">
    <thead role="rowgroup">
      <tr role="row">
        <th scope="col" role="columnheader">Key</th>
        <th scope="col" role="columnheader">Outcome</th>
        <th scope="col" role="columnheader">Writes</th>
        <th scope="col" role="columnheader">Woke</th>
        <th scope="col" role="columnheader">Took</th>
        <th scope="col" role="columnheader">At (UTC)</th>
        <th scope="col" role="columnheader">Trace</th>
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${reconciles.map(reconcileRow)}
    </tbody>
  </table>`;
}

function reconcileRow(it: ReconcileStatus): Markup {
  return html`<tr role="row" id="trace-${it.traceId}">
    <th scope="row" role="rowheader">
      <span class="faint">${it.function}</span>
      <a class="key" id="row-${it.traceId}" href="${keyHref(it.function, it.key)}">${it.key}</a>
    </th>
    <td role="cell" data-label="Outcome">${outcome(it)}</td>
    <td role="cell" data-label="Writes" class="writes">${writes(it)}</td>
    <td role="cell" data-label="Woke">${woke(it)}</td>
    <td role="cell" data-label="Took" class="number">${duration(it.durationMs)}</td>
    <td role="cell" data-label="At (UTC)" class="number">${timeOfDay(it.start)}</td>
    <td role="cell" data-label="Trace" class="trace">${traceId(it)}</td>
  </tr>`;
}

const outcomes = {
  success: badge("good", "Settled"),
  requeue: badge("calm", "Again"),
  requeue_after: badge("calm", "Again later"),
  gone: badge("calm", "Object gone"),
  error: badge("bad", "Failed"),
  terminal: badge("bad", "Gave up"),
} as const satisfies Record<ReconcileStatus["outcome"], Markup>;

export function outcome({ outcome, code, next }: ReconcileStatus): Markup {
  return code === undefined ? outcomes[outcome] : html`${outcomes[outcome]} <code>${code}</code> ${next}`;
}

export function writes({ writes, failedWriteCount }: ReconcileStatus): Markup {
  const done = Object.entries(writes).map(([verb, count]) => `${count}\u00a0×\u00a0${verb}`);
  if (failedWriteCount > 0) done.push(`${failedWriteCount} refused`);
  return done.length === 0 ? html`<span class="faint">none</span>` : html`${done.join(", ")}`;
}

/** The whole id, so that it can be copied; a link where there is somewhere to look at it. */
export function traceId({ traceId, traceUrl }: ReconcileStatus): Markup {
  const text = html`<code>${traceId}</code>`;
  return traceUrl === undefined ? text : html`<a href="${traceUrl}" rel="noreferrer">${text}</a>`;
}

function woke({ woke, wakeCount }: ReconcileStatus): Markup {
  return html`${woke ?? "unknown"}${wakeCount > 1 ? ` and ${plural(wakeCount - 1, "other change")}` : ""}`;
}
