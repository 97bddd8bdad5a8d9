/** Kubernetes Events: told once, by the leader, within bounds, and never at the cost of anything else. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import type { StoredObject } from "../../runtime/kube/object.ts";
import { normal, warning, type EventEffect } from "../../runtime/reconcile/effects.ts";
import { Events } from "../../runtime/reconcile/events.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";
import { start, tracingWorld } from "../trace/spans.ts";
import { configMap, namespace, other } from "./builders.ts";
import { FakeApi } from "./fake-api.ts";

const source = configMap("default/settings", { uid: "u1", resourceVersion: "7" });

interface Body {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly note: string;
  readonly [field: string]: unknown;
}

interface Rig {
  readonly fake: FakeApi;
  readonly clock: VirtualClock;
  readonly dropped: string[];
  readonly bodies: () => readonly Body[];
  readonly tell: (event: EventEffect, regarding?: StoredObject, functionName?: string) => void;
  isLeading: boolean;
}

function rig({ clock = new VirtualClock(), identity = "host-1" } = {}): Rig {
  const fake = new FakeApi();
  const dropped: string[] = [];
  const trace = tracingWorld().tracer.start(start);
  const rig: Rig = {
    fake,
    clock,
    dropped,
    isLeading: true,
    bodies: () => fake.calls.map(({ body }) => body as Body),
    tell: (event, regarding = source, functionName = "mirror") => events.tell(functionName, regarding, event, trace),
  };
  const events = new Events({
    api: fake.api,
    clock,
    identity,
    isLeading: () => rig.isLeading,
    signal: new AbortController().signal,
    onDropped: (why) => dropped.push(why),
  });
  fake.answer = (call) => call.succeed("1");
  return rig;
}

/** What the API server asks of the name of an object. */
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

function nameOf(event: EventEffect, regarding?: StoredObject, functionName?: string): string | undefined {
  const { tell, bodies } = rig();
  tell(event, regarding, functionName);
  return bodies()[0]?.metadata.name;
}

const event = warning("Conflict", "no");

suite("events: what is told", () => {
  test("everything that kubectl shows, in the group that is not deprecated", () => {
    const { tell, bodies, fake } = rig();
    tell(event);
    const [{ metadata, ...body } = { metadata: undefined }] = bodies();
    assert.deepEqual(body, {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingController: "evenkeel.dev/mirror",
      reportingInstance: "host-1",
      action: "Reconcile",
      type: "Warning",
      reason: "Conflict",
      regarding: {
        apiVersion: "v1",
        kind: "ConfigMap",
        name: "settings",
        namespace: "default",
        uid: "u1",
        resourceVersion: "7",
      },
      note: "no",
    });
    assert.match(metadata?.name ?? "", /^settings\.[0-9a-f]{16}$/);
    assert.equal(metadata?.namespace, "default");
    assert.deepEqual(
      fake.said.map((what) => what.split(" ").slice(0, 2)),
      [["create", "events.k8s.io/v1/Event"]],
    );
  });

  test("of a cluster-scoped object in the namespace default", () => {
    const { tell, bodies } = rig();
    tell(event, namespace("team-a"));
    assert.equal(bodies()[0]?.metadata.namespace, "default");
    tell(event, configMap("team-a/settings"));
    assert.equal(bodies()[1]?.metadata.namespace, "team-a");
  });

  test("the same news has one name: also after a restart, a minute later, of a newer version of the object", async () => {
    const clock = new VirtualClock({ epochMs: Date.UTC(2027, 0, 1) });
    const later = rig({ clock, identity: "host-2" });
    await clock.advance(60_000);
    later.tell(event, configMap("default/settings", { uid: "u1", resourceVersion: "8" }));
    assert.equal(later.bodies()[0]?.metadata.name, nameOf(event));
  });

  test("other news has another name", () => {
    const names = [
      nameOf(event),
      nameOf(normal("Conflict", "no")),
      nameOf(warning("Refused", "no")),
      nameOf(warning("Conflict", "yes")),
      nameOf(event, source, "cleanup-on-delete"),
      nameOf(event, configMap("default/settings", { uid: "u2" })),
    ];
    assert.equal(new Set(names).size, names.length);
  });

  test("the name is one that the API server takes, however long the object's is", () => {
    const long = [
      `${"a".repeat(229)}-${"b".repeat(23)}`,
      `${"a".repeat(229)}.${"b".repeat(23)}`,
      "a".repeat(253),
      "kube-root-ca.crt",
    ];
    for (const name of long) {
      const given = nameOf(event, other("v1", "ConfigMap", `default/${name}`)) ?? "";
      assert.match(given, SUBDOMAIN);
      assert.ok(given.length <= 253, String(given.length));
    }
  });

  test("the message is cut at 1 024 bytes, between characters", () => {
    const { tell, bodies } = rig();
    for (const message of ["a".repeat(1024), "a".repeat(1025), "é".repeat(1024), "😀".repeat(600)])
      tell(warning("A", message));
    const notes = bodies().map(({ note }) => note);
    assert.equal(notes[0], "a".repeat(1024));
    for (const note of notes)
      assert.ok(Buffer.byteLength(note) <= 1024 && Buffer.byteLength(note) > 1015, String(Buffer.byteLength(note)));
    assert.deepEqual(
      notes.slice(1).map((note) => note.replace(/^(a+|é+|(😀)+)…$/u, "cut")),
      ["cut", "cut", "cut"],
    );
  });

  test("a long identity is cut to what the API server takes", () => {
    const { tell, bodies } = rig({ identity: "h".repeat(300) });
    tell(event);
    assert.equal(bodies()[0]?.["reportingInstance"], "h".repeat(128));
  });
});

suite("events: when nothing is told", () => {
  test("one that does not lead is silent, and uses nothing up", () => {
    const world = rig();
    world.isLeading = false;
    for (let i = 0; i < 100; i++) world.tell(warning("A", `${i}`));
    assert.deepEqual([world.fake.calls.length, world.dropped.length], [0, 0]);
    world.isLeading = true;
    world.tell(event);
    assert.equal(world.fake.calls.length, 1);
  });

  test("beyond 50 at once they are dropped, and counted; then 5 a second pass", async () => {
    const { tell, fake, dropped, clock } = rig();
    for (let i = 0; i < 60; i++) tell(warning("A", `${i}`));
    assert.deepEqual([fake.calls.length, dropped], [50, Array(10).fill("pressure")]);
    await clock.advance(1_000);
    for (let i = 0; i < 10; i++) tell(warning("B", `${i}`));
    assert.deepEqual([fake.calls.length, dropped.length], [55, 15]);
  });

  test("a quiet hour saves up no more than a burst", async () => {
    const { tell, fake, clock } = rig();
    await clock.advance(3_600_000);
    for (let i = 0; i < 60; i++) tell(warning("A", `${i}`));
    assert.equal(fake.calls.length, 50);
  });

  test("what was told already is no failure", async () => {
    const { tell, fake, dropped } = rig();
    fake.answer = (call) => call.fail(new EvenkeelError("API_ALREADY_EXISTS", "no"));
    tell(event);
    await settle(1);
    assert.deepEqual(dropped, []);
  });

  test("a refusal is counted, and fails nobody", async () => {
    const { tell, fake, dropped } = rig();
    fake.answer = (call) => call.fail(new EvenkeelError("API_FORBIDDEN", "no"));
    tell(event);
    assert.deepEqual(dropped, [], "telling does not wait");
    await settle(1);
    assert.deepEqual(dropped, ["refused"]);
  });
});
