/** The caches: what each holds, how old it is, and whether it can be trusted. */
import { STALE_MS } from "../checks.ts";
import type { CacheStatus } from "../status.ts";
import { badge, rough } from "./words.ts";
import { html, type Markup } from "./markup.ts";

export function cachesSection(caches: readonly CacheStatus[]): Markup {
  return html`<section aria-labelledby="caches-title">
    <h2 id="caches-title">Caches</h2>
    <table class="rows" role="table">
      <thead role="rowgroup">
        <tr role="row">
          <th scope="col" role="columnheader">Query</th>
          <th scope="col" role="columnheader">State</th>
          <th scope="col" role="columnheader">Objects</th>
          <th scope="col" role="columnheader">Holds</th>
          <th scope="col" role="columnheader">Last heard</th>
          <th scope="col" role="columnheader">Used by</th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${caches.map(cacheRow)}
      </tbody>
    </table>
  </section>`;
}

function cacheRow(it: CacheStatus): Markup {
  return html`<tr role="row" id="cache-${encodeURIComponent(it.query)}">
    <th scope="row" role="rowheader"><code>${it.query}</code></th>
    <td role="cell" data-label="State">${stateOf(it)}</td>
    <td role="cell" data-label="Objects" class="number">${it.objectCount}</td>
    <td role="cell" data-label="Holds">${it.holds}</td>
    <td role="cell" data-label="Last heard">${it.ageMs === undefined ? "never" : `${rough(it.ageMs)} ago`}</td>
    <td role="cell" data-label="Used by">${it.usedBy.join(", ")}</td>
  </tr>`;
}

function stateOf({ state, hasSynced, code, deletionsHeld, ageMs }: CacheStatus): Markup {
  if (code !== undefined) return html`${badge("bad", hasSynced ? "Stale" : "Empty")} ${state}, <code>${code}</code>`;
  if (deletionsHeld !== undefined) return html`${badge("bad", "Deletions held")} ${deletionsHeld}`;
  if (!hasSynced) return badge("calm", "Filling");
  return ageMs !== undefined && ageMs > STALE_MS ? badge("bad", "Quiet for too long") : badge("good", "Current");
}
