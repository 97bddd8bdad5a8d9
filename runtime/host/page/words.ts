/** Words and small marks that several sections use. */
import { html, type Markup } from "./markup.ts";

/** Never by colour alone: each mood has a shape of its own. */
const shapes = { good: "●", calm: "◐", bad: "▲" } as const;

export function badge(mood: keyof typeof shapes, text: string): Markup {
  return html`<span class="badge ${mood}"><span aria-hidden="true">${shapes[mood]}</span> ${text}</span>`;
}

/** Where the page explains this key. */
export function keyHref(functionName: string, key: string): string {
  return `/?${new URLSearchParams({ function: functionName, key }).toString()}#key`;
}

export function list(items: readonly string[]): Markup {
  if (items.length === 0) return html`<span class="faint">nothing</span>`;
  return html`<ul class="inline">
    ${items.map((item) => html`<li><code>${item}</code></li>`)}
  </ul>`;
}

export function plural(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}

/** A duration that does not change from one second to the next: `a moment`, `20 s`, `3 min`, `2 h`, `5 d`. */
export function rough(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return "a moment";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** Rounded up to whole tens of seconds, so that the text does not change every second. */
export function triedAgain(inMs: number): string {
  return `tried again within ${Math.ceil((inMs + 1) / 10_000) * 10} s`;
}

/** `12:04:31`, in UTC: whoever shows it says so. */
export function timeOfDay(instant: string): Markup {
  return html`<time datetime="${instant}">${instant.slice(11, 19)}</time>`;
}
