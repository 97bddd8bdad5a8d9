/** How long to wait after a failure. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RetryDelay } from "../../runtime/cache/retry-delay.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { failure } from "./support/objects.ts";

const busy = failure("API_UNAVAILABLE");

test("grows while failures follow each other, and begins anew when an attempt lasted for two minutes", async () => {
  const clock = new VirtualClock();
  const delay = new RetryDelay(clock);
  for (let count = 0; count < 5; count++) delay.next(busy);
  await clock.advance(119_000);
  const delayMs = delay.next(busy);
  assert.ok(delayMs >= 25_600);
  await clock.advance(delayMs + 121_000);
  assert.ok(delay.next(busy) <= 1_600);
});

test("a delay that the server asked for does not make the next one longer", () => {
  const delay = new RetryDelay(new VirtualClock());
  for (let count = 0; count < 5; count++) delay.next(failure("API_UNAVAILABLE", { retryAfterMs: 1_000 }));
  assert.ok(delay.next(busy) <= 1_600);
});

test("a server that is not trusted is asked again within 5 s, however long it has been so", () => {
  const delay = new RetryDelay(new VirtualClock());
  for (let count = 0; count < 50; count++) assert.ok(delay.next(failure("API_UNTRUSTED")) <= 5_000);
});

test("how long a server was away does not delay what its first answer asks for; that one grows by itself", () => {
  const delay = new RetryDelay(new VirtualClock());
  const delaysMs = { away: 0, expired: 0 };
  for (let count = 0; count < 6; count++) delay.next(failure("API_UNREACHABLE"));
  assert.ok(delay.next(failure("API_EXPIRED")) <= 1_600);
  for (let count = 0; count < 6; count++) {
    delaysMs.expired = delay.next(failure("API_EXPIRED"));
    delaysMs.away = delay.next(failure("API_UNREACHABLE"));
  }
  assert.ok(Math.min(delaysMs.expired, delaysMs.away) >= 25_600, "taking turns, neither begins anew");
});

test("what we did not raise ourselves is waited for like any failure", () => {
  const delayMs = new RetryDelay(new VirtualClock()).next(new TypeError("a bug"));
  assert.ok(delayMs >= 800 && delayMs <= 1_600);
});
