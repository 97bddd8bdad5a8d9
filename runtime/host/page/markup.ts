/** HTML as a template: whatever is put in is escaped, but for markup itself. */
import { html as htmlOrPromise } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";

export type Markup = HtmlEscapedString;

type Value = string | number | undefined | Markup | readonly Markup[];

/** Synchronous, because no value is a promise. */
export const html = (strings: TemplateStringsArray, ...values: readonly Value[]): Markup =>
  htmlOrPromise(strings, ...values) as Markup;
