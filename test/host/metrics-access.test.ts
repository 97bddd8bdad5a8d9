import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { MetricsAccess } from "../../runtime/host/metrics-access.ts";
import { Reviews } from "../../runtime/kube/reviews.ts";
import { fakeServer, json, status } from "../kube/fake-server.ts";

interface World {
  /** Whose each token is. */
  readonly users?: Readonly<Record<string, string>>;
  readonly allowed?: readonly string[];
  readonly authenticate?: () => Response | Promise<Response>;
  readonly authorize?: () => Response | Promise<Response>;
}

function world({ users = { t: "prometheus" }, allowed = ["prometheus"], authenticate, authorize }: World = {}) {
  const server = fakeServer(({ path, body }) => {
    const { spec } = body as { readonly spec: { readonly token: string; readonly user: string } };
    if (path === "/apis/authentication.k8s.io/v1/tokenreviews") {
      const username = users[spec.token];
      const user = { username, uid: "u", groups: ["g"], extra: { pod: ["p"] } };
      const is = username === undefined ? { authenticated: false, error: "no" } : { authenticated: true, user };
      return authenticate?.() ?? json({ status: is }, 201);
    }
    return authorize?.() ?? json({ status: { allowed: allowed.includes(spec.user) } }, 201);
  });
  const failed: unknown[] = [];
  const { clock, transport, asked } = server;
  const reviews = new Reviews({ transport, clock });
  const access = new MetricsAccess({ reviews, clock, onFailed: (error) => failed.push(error) });
  const ask = async (authorization: string | undefined): Promise<number> =>
    (await access.refusal(authorization))?.status ?? 200;
  return { ask, asked, clock, failed, access };
}

suite("who may read /metrics", () => {
  const cases: readonly {
    name: string;
    authorization: string | undefined;
    world?: World;
    gets: number;
    asks: number;
  }[] = [
    { name: "nobody without a token", authorization: undefined, gets: 401, asks: 0 },
    { name: "nobody with another scheme", authorization: "Basic dDp0", gets: 401, asks: 0 },
    { name: "nobody with an empty token", authorization: "Bearer ", gets: 401, asks: 0 },
    { name: "nobody with two tokens", authorization: "Bearer t t", gets: 401, asks: 0 },
    { name: "nobody with an endless token", authorization: `Bearer ${"x".repeat(20_000)}`, gets: 401, asks: 0 },
    { name: "nobody with a token that is not valid", authorization: "Bearer x", gets: 401, asks: 1 },
    { name: "no account without the right", authorization: "Bearer t", world: { allowed: [] }, gets: 403, asks: 2 },
    { name: "an account with the right", authorization: "Bearer t", gets: 200, asks: 2 },
    { name: "whatever the case of the scheme", authorization: "bearer t", gets: 200, asks: 2 },
    {
      name: "nobody who is denied, even if allowed as well",
      authorization: "Bearer t",
      world: { authorize: () => json({ status: { allowed: true, denied: true } }) },
      gets: 403,
      asks: 2,
    },
    {
      name: "nobody while the API server is down",
      authorization: "Bearer t",
      world: { authenticate: () => Promise.reject(new Error("down")) },
      gets: 503,
      asks: 1,
    },
    {
      name: "nobody while we may not ask whose token it is",
      authorization: "Bearer t",
      world: { authenticate: () => json(status(403, "Forbidden"), 403) },
      gets: 503,
      asks: 1,
    },
    {
      name: "nobody while we may not ask what an account may",
      authorization: "Bearer t",
      world: { authorize: () => json(status(403, "Forbidden"), 403) },
      gets: 503,
      asks: 2,
    },
    {
      name: "nobody by an answer that is none",
      authorization: "Bearer t",
      world: { authorize: () => json({ status: "yes" }) },
      gets: 503,
      asks: 2,
    },
    {
      name: "nobody who is authenticated as no one",
      authorization: "Bearer t",
      world: { authenticate: () => json({ status: { authenticated: true, user: {} } }) },
      gets: 401,
      asks: 1,
    },
  ];
  for (const { name, authorization, world: given, gets, asks } of cases)
    test(name, async () => {
      const { ask, asked, failed } = world(given);
      assert.equal(await ask(authorization), gets);
      assert.equal(asked.length, asks);
      assert.equal(failed.length, gets === 503 ? 1 : 0);
    });

  test("the question names the user as the token review does, and the path", async () => {
    const { ask, asked } = world();
    await ask("Bearer t");
    assert.deepEqual(asked[1]?.body, {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: "prometheus",
        uid: "u",
        groups: ["g"],
        extra: { pod: ["p"] },
        nonResourceAttributes: { path: "/metrics", verb: "get" },
      },
    });
  });
});

suite("a verdict", () => {
  test("holds a minute where it allows, ten seconds where it refuses", async () => {
    const allowed: string[] = ["prometheus"];
    const { ask, asked, clock } = world({ allowed });
    assert.equal(await ask("Bearer t"), 200);
    allowed.pop();
    await clock.advance(59_999);
    assert.deepEqual([await ask("Bearer t"), asked.length], [200, 2]);
    await clock.advance(1);
    assert.deepEqual([await ask("Bearer t"), asked.length], [403, 4]);
    allowed.push("prometheus");
    await clock.advance(9_999);
    assert.deepEqual([await ask("Bearer t"), asked.length], [403, 4]);
    await clock.advance(1);
    assert.deepEqual([await ask("Bearer t"), asked.length], [200, 6]);
  });

  test("that could not be had is asked for again at once", async () => {
    let isDown = true;
    const { ask } = world({
      authenticate: () =>
        isDown
          ? Promise.reject(new Error("down"))
          : json({ status: { authenticated: true, user: { username: "prometheus" } } }),
    });
    assert.equal(await ask("Bearer t"), 503);
    isDown = false;
    assert.equal(await ask("Bearer t"), 200);
  });

  test("is asked for once by scrapes at the same time", async () => {
    const { ask, asked } = world();
    assert.deepEqual(await Promise.all(Array.from({ length: 50 }, () => ask("Bearer t"))), Array(50).fill(200));
    assert.equal(asked.length, 2);
  });

  test("is not asked for by a flood of made-up tokens: eight at a time", async () => {
    const { ask, asked } = world();
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(`Bearer made-up-${i}`)));
    assert.deepEqual(
      [answers.filter((code) => code === 401).length, answers.filter((code) => code === 503).length],
      [8, 92],
    );
    assert.equal(asked.length, 8);
  });

  test("of the oldest token gives way to new ones", async () => {
    const { ask, asked } = world();
    await ask("Bearer t");
    for (let i = 0; i < 255; i++) await ask(`Bearer x${i}`);
    const before = asked.length;
    await ask("Bearer t");
    assert.equal(asked.length, before, "256 are kept");
    await ask("Bearer one-more");
    await ask("Bearer t");
    assert.equal(asked.length, before + 3, "the oldest is asked for again");
  });
});
