/** The routes of the status page: the document, what it is made of, the stream that keeps it up to date, and the same as JSON. */
import { readFileSync } from "node:fs";
import type { Context, Hono } from "hono";
import type { StatusSource } from "../status.ts";
import { statusDocument } from "./document.ts";
import type { Question } from "./key.ts";
import type { Live } from "./live.ts";

/** Served as they are: no build step, nothing from anywhere else. */
const files = [
  { name: "page.css", type: "text/css; charset=utf-8" },
  { name: "client.js", type: "text/javascript; charset=utf-8" },
  { name: "icon.svg", type: "image/svg+xml" },
] as const;

/** Only what this origin serves, nothing inline, nothing framed, and the page may send nothing to anybody else. */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function addPage(app: Hono, source: StatusSource, live: Live): void {
  app.get("/", (c) => {
    c.header("content-security-policy", pagePolicy);
    return c.html(statusDocument(source, questionOf(c)));
  });
  app.get("/status", (c) => {
    const question = questionOf(c);
    if (question.function === undefined || question.key === undefined) return c.json(source.read());
    const status = source.key(question.function, question.key);
    return status === undefined ? c.json({ error: "no such function" }, 404) : c.json(status);
  });
  app.get("/live", (c) => {
    const body = c.req.method === "HEAD" ? undefined : live.open(questionOf(c));
    if (body === undefined) return c.text("too many viewers; reload for news\n", 503, { "retry-after": "10" });
    return c.body(body, 200, { "content-type": "text/event-stream", "x-accel-buffering": "no" });
  });
  for (const { name, type } of files) {
    const text = readFileSync(new URL(name, import.meta.url), "utf8");
    app.get(`/page/${name}`, (c) => c.body(text, 200, { "content-type": type }));
  }
}

/** Bounded: it is shown again. A namespace and a name have 63 and 253 characters. */
function questionOf(c: Context): Question {
  const { function: functionName, key } = c.req.query();
  return { function: functionName?.slice(0, 253) || undefined, key: key?.slice(0, 317) || undefined };
}
