/** The status page as one HTML document: complete without a script; with one, its sections are kept up to date. */
import type { StatusSource } from "../status.ts";
import { html, type Markup } from "./markup.ts";
import type { Question } from "./key.ts";
import { sectionsOf, type SectionName } from "./sections.ts";

/** Where each section stands. The script replaces what is inside them, by id. */
export function statusDocument(source: StatusSource, question: Question): Markup {
  const sections = sectionsOf(source, question);
  const put = (name: SectionName): Markup => html`<div id="${name}">${sections.get(name)}</div>`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${question.key === undefined ? "evenkeel" : `${question.key} · evenkeel`}</title>
        <link rel="icon" href="/page/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/page/page.css" />
        <script type="module" src="/page/client.js"></script>
      </head>
      <body>
        <a class="skip" href="#content">Skip to content</a>
        <header>
          <h1><a href="/">evenkeel</a></h1>
          ${put("summary")}
          <p class="live">
            <span id="live">As of this moment; reload for news</span>
            <button id="pause" type="button" aria-pressed="false" hidden>Pause</button>
          </p>
          <p id="news" class="for-readers" role="status"></p>
        </header>
        <main id="content" tabindex="-1">
          ${put("problems")} ${put("key")} ${put("functions")} ${put("caches")} ${put("reconciles")}
        </main>
        <footer>
          <p>
            Names and counts only, never an object's data. The same as JSON: <a href="/status">status</a>,
            <a href="/traces">traces</a>.
          </p>
        </footer>
      </body>
    </html>`;
}
