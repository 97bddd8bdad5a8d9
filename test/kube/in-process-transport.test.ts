/** The faults that other tests rely on do what they say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf } from "../../runtime/kube/errors.ts";
import type { TransportRequest } from "../../runtime/kube/transport.ts";
import { faulty, inProcessTransport, type Fault } from "../support/in-process-transport.ts";
import { settle, VirtualClock } from "../support/virtual-clock.ts";

interface World {
  readonly send: (signal?: AbortSignal) => Promise<string>;
  readonly reachedCount: () => number;
}

/** A server that says hello, behind `fault`. */
function behind(fault: Fault | undefined): World {
  let reachedCount = 0;
  const server = inProcessTransport(async () => {
    reachedCount++;
    return new Response("hello");
  });
  const transport = faulty(server, () => fault);
  const send = async (signal = new AbortController().signal): Promise<string> => {
    const request: TransportRequest = { method: "GET", path: "/", headers: {}, lane: "requests", signal };
    const response = await transport.send(request);
    return `${response.status} ${(await response.bytes()).toString()}`;
  };
  return { send, reachedCount: () => reachedCount };
}

interface Row {
  readonly name: string;
  readonly fault: Fault | undefined;
  /** The answer, or the code thrown. */
  readonly outcome: string;
  readonly reachedCount: number;
}

const rows: readonly Row[] = [
  { name: "none passes", fault: undefined, outcome: "200 hello", reachedCount: 1 },
  { name: "answer", fault: { do: "answer", status: 503, body: {} }, outcome: "503 {}", reachedCount: 0 },
  { name: "fail", fault: { do: "fail" }, outcome: "API_UNREACHABLE", reachedCount: 0 },
  { name: "lose", fault: { do: "lose" }, outcome: "API_UNREACHABLE", reachedCount: 1 },
  {
    name: "truncate, then end",
    fault: { do: "truncate", afterBytes: 2, ending: "end" },
    outcome: "200 he",
    reachedCount: 1,
  },
  {
    name: "truncate, then fail",
    fault: { do: "truncate", afterBytes: 2, ending: "fail" },
    outcome: "API_UNREACHABLE",
    reachedCount: 1,
  },
  {
    name: "truncate after more than there is",
    fault: { do: "truncate", afterBytes: 9, ending: "fail" },
    outcome: "200 hello",
    reachedCount: 1,
  },
];

for (const { name, fault, outcome, reachedCount } of rows) {
  test(`fault: ${name}`, async () => {
    const world = behind(fault);
    assert.equal(await world.send().catch((error: unknown) => codeOf(error)), outcome);
    assert.equal(world.reachedCount(), reachedCount);
  });
}

for (const fault of [{ do: "hang" }, { do: "truncate", afterBytes: 2, ending: "hang" }] as const) {
  test(`fault: ${fault.do} in silence lasts until it is aborted`, async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let isOver = false;
    const sent = behind(fault).send(controller.signal);
    const rejected = assert.rejects(sent, (error) => error === reason).then(() => (isOver = true));
    await settle();
    assert.equal(isOver, false);
    controller.abort(reason);
    await rejected;
  });
}

test("fault: delay reaches the server later", async () => {
  const clock = new VirtualClock();
  const world = behind({ do: "delay", delayMs: 100, clock });
  const sent = world.send();
  await clock.advance(99);
  assert.equal(world.reachedCount(), 0);
  await clock.advance(1);
  assert.equal(await sent, "200 hello");
});

test("in process: closing ends what is under way", async () => {
  const transport = inProcessTransport(() => Promise.withResolvers<Response>().promise);
  const { signal } = new AbortController();
  const sent = transport.send({ method: "GET", path: "/", headers: {}, lane: "requests", signal });
  const outcome = sent.then(() => "answered", codeOf);
  await transport.close();
  assert.equal(await outcome, "API_UNREACHABLE");
});
