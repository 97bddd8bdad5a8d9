import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { parseTraceLink, traceUrl } from "../../runtime/host/trace-link.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

suite("the address of a trace", () => {
  const rows: readonly { readonly link: string; readonly becomes: string }[] = [
    { link: "http://localhost:16686/trace/{traceId}", becomes: `http://localhost:16686/trace/${TRACE_ID}` },
    { link: "https://j.example/t?id={traceId}&x=1", becomes: `https://j.example/t?id=${TRACE_ID}&x=1` },
    { link: "https://g.example/#/{traceId}/{traceId}", becomes: `https://g.example/#/${TRACE_ID}/${TRACE_ID}` },
    { link: "http://[::1]:16686/{traceId}", becomes: `http://[::1]:16686/${TRACE_ID}` },
  ];
  for (const { link, becomes } of rows)
    test(`${link} has the id in its place`, () => {
      assert.equal(traceUrl(parseTraceLink(link, "--trace-link"), TRACE_ID), becomes);
    });
});

test("the overlay `jaeger` sets one", () => {
  const overlay = readFileSync(
    join(import.meta.dirname, "../../manifests/components/jaeger/kustomization.yaml"),
    "utf8",
  );
  const [, link = ""] = /EVENKEEL_TRACE_LINK\n\s+value: (\S+)/.exec(overlay) ?? [];
  assert.equal(
    traceUrl(parseTraceLink(link, "EVENKEEL_TRACE_LINK"), TRACE_ID),
    `http://localhost:16686/trace/${TRACE_ID}`,
  );
});

suite("what cannot be the address of a trace", () => {
  const address = "is an http or https address";
  const place = "has {traceId} in its path, its query or its fragment";
  const rows: readonly { readonly name: string; readonly link: string; readonly says: string }[] = [
    { name: "no address", link: "jaeger", says: address },
    { name: "a path alone", link: "/trace/{traceId}", says: address },
    { name: "something that runs", link: "javascript:alert('{traceId}')", says: address },
    { name: "something that runs, with a blank before it", link: " javascript:alert('{traceId}')", says: address },
    { name: "a text of its own", link: "data:text/html,{traceId}", says: address },
    { name: "a file", link: "file:///{traceId}", says: address },
    { name: "an address that the parser would mend", link: "http://localhost/\n{traceId}", says: address },
    { name: "no place for the id", link: "http://localhost:16686/trace/", says: place },
    { name: "a place of another name", link: "http://localhost:16686/trace/{traceID}", says: place },
    { name: "the id as the server", link: "http://{traceId}.example/", says: place },
    { name: "a password", link: "http://me:secret@localhost/{traceId}", says: "holds no user and no password" },
    { name: "the id as the user", link: "http://{traceId}@localhost/", says: "holds no user and no password" },
  ];
  for (const { name, link, says } of rows)
    test(name, () => {
      assert.throws(
        () => parseTraceLink(link, "EVENKEEL_TRACE_LINK"),
        (error: Error & { readonly code?: unknown }) => {
          assert.equal(error.code, "FLAG_INVALID");
          assert.ok(error.message.startsWith(`EVENKEEL_TRACE_LINK ${says}`), error.message);
          assert.ok(error.message.includes("such as http://localhost:16686/trace/{traceId}"), error.message);
          return true;
        },
      );
    });

  test("a password is not repeated in the message", () => {
    assert.throws(
      () => parseTraceLink("http://me:s3cret@localhost/{traceId}", "--trace-link"),
      (error: Error) => !error.message.includes("s3cret"),
    );
  });
});
