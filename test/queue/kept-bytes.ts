/** Heap bytes of a workqueue that is full, and of the same one when it is empty again: `node --expose-gc test/queue/kept-bytes.ts`. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Workqueue } from "../../runtime/queue/workqueue.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export interface KeptBytes {
  readonly keyCount: number;
  readonly fullBytes: number;
  readonly emptyBytes: number;
}

const KEYS = 300_000;

/** In a process of its own: whatever else it did would show. */
export function keptBytes(): KeptBytes {
  const out = execFileSync(process.execPath, ["--expose-gc", fileURLToPath(import.meta.url)]);
  return JSON.parse(out.toString()) as KeptBytes;
}

function measured(queue: Workqueue, clock: VirtualClock): KeptBytes {
  const beforeBytes = heapBytes();
  for (let i = 0; i < KEYS; i++) {
    if (i % 3 === 0) queue.add(`key-${i}`);
    else queue.addAfter(`key-${i}`, i % 3 === 1 ? i : 2 * KEYS);
  }
  for (let i = 2; i < KEYS; i += 3) queue.add(`key-${i}`, { priority: "low" });
  clock.step(KEYS);
  const fullBytes = heapBytes() - beforeBytes;
  for (let item = queue.take(); item !== undefined; item = queue.take()) queue.done(item.key);
  return { keyCount: KEYS, fullBytes, emptyBytes: heapBytes() - beforeBytes };
}

function heapBytes(): number {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

if (import.meta.main) {
  const clock = new VirtualClock();
  const queue = new Workqueue({ clock });
  console.log(JSON.stringify(measured(queue, clock)));
  // It is there to the end, to be measured.
  queue.shutDown();
}
