/** The transport against real sockets on loopback: connections, credentials, rotation, and ends of every kind. */
import assert from "node:assert/strict";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../runtime/clock/clock.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import {
  plainCredentials,
  RenewedCredentials,
  type Credentials,
  type TlsMaterial,
} from "../../runtime/kube/credentials.ts";
import { Deadline } from "../../runtime/kube/deadline.ts";
import { codeOf, EvenkeelError, type Code } from "../../runtime/kube/errors.ts";
import { ConfigMap } from "../../runtime/kube/kind.ts";
import type { Lane, TransportRequest, TransportResponse } from "../../runtime/kube/transport.ts";
import { UndiciTransport } from "../../runtime/kube/undici-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { until } from "../support/wait.ts";
import { selfSigned, type Certificate } from "./certificate.ts";
import { aggregated, configMap, group, served } from "./fake-server.ts";
import { renewed } from "./renewed.ts";

interface World {
  readonly url: string;
  connectionCount: number;
}

async function listening(t: TestContext, server: Server, scheme: string): Promise<World> {
  const world = { url: "", connectionCount: 0 };
  server.on(scheme === "https" ? "secureConnection" : "connection", () => world.connectionCount++);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return Object.assign(world, { url: `${scheme}://127.0.0.1:${address.port}` });
}

const httpWorld = (t: TestContext, answer: RequestListener): Promise<World> =>
  listening(t, createHttpServer(answer), "http");

/** As {@link httpWorld}, for an answer that depends on the body. */
const bodyWorld = (
  t: TestContext,
  answer: (asked: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<World> =>
  httpWorld(t, (asked, response) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => answer(asked, Buffer.concat(chunks).toString("utf8"), response));
  });

function transportTo(t: TestContext, credentials: Credentials, connectionCount?: number): UndiciTransport {
  const transport = new UndiciTransport({ credentials, connectionCount });
  t.after(() => transport.close());
  return transport;
}

const plain = (t: TestContext, { url }: World, connectionCount?: number): UndiciTransport =>
  transportTo(t, plainCredentials({ url }), connectionCount);

/** Tokens one after the other, never old; `tls` may be changed between two of them. */
function tokens(url: string, list: readonly string[], tls: () => TlsMaterial = () => ({ rejectUnauthorized: true })) {
  const world = { loadCount: 0, clock: new VirtualClock() };
  const credentials = new RenewedCredentials({ server: url, namespace: undefined }, world.clock, async () => {
    const token = list[Math.min(world.loadCount++, list.length - 1)] ?? "";
    return { identity: { authorization: `Bearer ${token}`, tls: tls() }, freshForMs: 60_000 };
  });
  return Object.assign(world, { credentials });
}

function request(path: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return { method: "GET", path, headers: {}, lane: "requests", signal: new AbortController().signal, ...more };
}

async function text(transport: UndiciTransport, path = "/", more: Partial<TransportRequest> = {}): Promise<string> {
  return words(await transport.send(request(path, more)));
}

async function words(response: TransportResponse): Promise<string> {
  return (await response.bytes()).toString("utf8");
}

test("transport: method, path, headers and body arrive, status, headers and body come back", async (t) => {
  const world = await bodyWorld(t, (asked, body, answer) => {
    answer.setHeader("warning", ['299 - "a"', '299 - "b"']);
    answer.writeHead(201, { "audit-id": "x" });
    answer.end(JSON.stringify({ method: asked.method, url: asked.url, headers: asked.headers, body }));
  });
  const transport = plain(t, { ...world, url: `${world.url}/k8s/clusters/c-1/` });
  const headers = { "content-type": "application/json", traceparent: "00" };
  const response = await transport.send(request("/api?a=b", { method: "POST", headers, body: '{"é":1}' }));
  assert.equal(response.status, 201);
  assert.equal(response.headers["audit-id"], "x");
  assert.equal(response.headers["warning"], '299 - "a", 299 - "b"');
  const seen = JSON.parse(await words(response));
  assert.equal(seen.method, "POST");
  assert.equal(seen.url, "/k8s/clusters/c-1/api?a=b", "a server may live below a path");
  assert.equal(seen.body, '{"é":1}');
  assert.equal(seen.headers["content-type"], "application/json");
  assert.equal(seen.headers["traceparent"], "00");
  assert.match(seen.headers["user-agent"], /^evenkeel\/\d+\.\d+\.\d+ \(/);
  assert.equal(seen.headers["authorization"], undefined);
  assert.equal(transport.host, new URL(world.url).host);
});

for (const [name, more] of [
  ["GET", {}],
  ["POST", { method: "POST", body: "{}" }],
  // Its body carries the preconditions; a deletion of thousands must not be thousands of TLS handshakes.
  ["DELETE with a body", { method: "DELETE", body: "{}" }],
] as const) {
  test(`transport: many requests, few connections: ${name}`, async (t) => {
    const world = await httpWorld(t, (_, answer) => answer.end("ok"));
    const transport = plain(t, world, 4);
    for (let round = 0; round < 10; round++) {
      await Promise.all(Array.from({ length: 20 }, () => text(transport, "/", more)));
    }
    assert.ok(world.connectionCount <= 4, `${world.connectionCount} connections for 200 requests`);
  });
}

test("transport: watches do not hold up requests, and neither holds up the lease", async (t) => {
  const world = await httpWorld(t, (asked, answer) => {
    if (asked.url === "/open") answer.write("x");
    else answer.end("ok");
  });
  const transport = plain(t, world, 1);
  const open = (lane: Lane) => transport.send(request("/open", { lane }));
  await Promise.all([open("watches"), open("watches"), open("watches")]);
  open("requests").catch(() => undefined); // It is never answered, and fails when the transport is closed.
  assert.equal(await text(transport, "/", { lane: "lease" }), "ok");
  assert.equal(world.connectionCount, 5);
  for (let i = 0; i < 5; i++) assert.equal(await text(transport, "/", { lane: "lease" }), "ok");
  assert.equal(world.connectionCount, 5, "the lease lane has one connection of its own");
});

test("transport: a refused token is renewed once and the request sent once more, body and all", async (t) => {
  const seen: string[] = [];
  const world = await bodyWorld(t, (asked, body, answer) => {
    seen.push(`${asked.headers.authorization} ${body}`);
    answer.writeHead(asked.headers.authorization === "Bearer new" ? 200 : 401);
    answer.end("done");
  });
  const { credentials } = tokens(world.url, ["old", "new"]);
  const transport = transportTo(t, credentials);
  const response = await transport.send(request("/", { method: "POST", body: "{}" }));
  assert.equal(response.status, 200);
  assert.equal(await words(response), "done");
  assert.deepEqual(seen, ["Bearer old {}", "Bearer new {}"]);
});

test("transport: many that are refused together renew once", async (t) => {
  const world = await httpWorld(t, (asked, answer) => {
    answer.writeHead(asked.headers.authorization === "Bearer new" ? 200 : 401);
    answer.end();
  });
  const source = tokens(world.url, ["old", "new"]);
  const transport = transportTo(t, source.credentials);
  const all = await Promise.all(Array.from({ length: 8 }, () => transport.send(request("/"))));
  assert.deepEqual(new Set(all.map(({ status }) => status)), new Set([200]));
  await Promise.all(all.map((response) => response.bytes()));
  assert.equal(source.loadCount, 2);
});

test("transport: a refusal that renewal does not mend is handed on after at most two requests", async (t) => {
  let askedCount = 0;
  const world = await httpWorld(t, (_, answer) => {
    askedCount++;
    answer.writeHead(401).end("no");
  });
  const same = await transportTo(t, tokens(world.url, ["old"]).credentials).send(request("/"));
  assert.deepEqual([same.status, await words(same), askedCount], [401, "no", 1]);
  askedCount = 0;
  const other = await transportTo(t, tokens(world.url, ["old", "new"]).credentials).send(request("/"));
  assert.deepEqual([other.status, await words(other), askedCount], [401, "no", 2]);
});

for (const code of ["FILE_NOT_FOUND", "KUBECONFIG_INVALID", "API_UNAUTHORIZED"] as const)
  test(`transport: a refusal while no other credentials can be had (${code}) is one, and says why not`, async (t) => {
    const world = await httpWorld(t, (_, answer) => answer.writeHead(401).end("no"));
    const cause = new EvenkeelError(code, "there is no file /token (token of the service account)");
    let isAway = false;
    const credentials = new RenewedCredentials({ server: world.url, namespace: "" }, new VirtualClock(), async () => {
      if (isAway) throw cause;
      return { identity: { authorization: "Bearer t", tls: verify() }, freshForMs: 60_000 };
    });
    await credentials.current();
    isAway = true;
    await assert.rejects(text(transportTo(t, credentials)), (error) => {
      failsAs("API_UNAUTHORIZED")(/401.*no other: there is no file \/token .*; check the credentials/)(error);
      assert.ok(error instanceof EvenkeelError && error.cause === cause);
      return error.status?.httpCode === 401;
    });
  });

test("transport: an abort while other credentials are looked for ends the exchange with the signal's reason", async (t) => {
  const world = await httpWorld(t, (_, answer) => answer.writeHead(401).end("no"));
  const asked = Promise.withResolvers<void>();
  const identity = { authorization: "Bearer t", tls: verify() };
  const renew = (): Promise<never> => (asked.resolve(), Promise.withResolvers<never>().promise);
  const credentials: Credentials = { server: world.url, namespace: undefined, current: () => identity, renew };
  const controller = new AbortController();
  const reason = new EvenkeelError("LEASE_LOST", "stop");
  const sent = text(transportTo(t, credentials), "/", { signal: controller.signal });
  const rejected = assert.rejects(sent, (error) => error === reason);
  await asked.promise;
  controller.abort(reason);
  await rejected;
});

test("transport: a rotated token is used on the connections there are", async (t) => {
  const seen: (string | undefined)[] = [];
  const world = await httpWorld(t, (asked, answer) => {
    seen.push(asked.headers.authorization);
    answer.end();
  });
  const source = tokens(world.url, ["one", "two"]);
  const transport = transportTo(t, source.credentials);
  await text(transport);
  await source.clock.advance(60_000);
  await renewed(source.credentials);
  await text(transport);
  assert.deepEqual(seen, ["Bearer one", "Bearer two"]);
  assert.equal(world.connectionCount, 1);
});

const secure = (t: TestContext, certificate: Certificate, answer: RequestListener, more: object = {}): Promise<World> =>
  listening(t, createHttpsServer({ ...certificate, ...more }, answer), "https");

test("transport: TLS with the CA of the credentials, few handshakes for many requests, and HTTP/1.1", async (t) => {
  const certificate = selfSigned();
  const versions = new Set<string>();
  const world = await secure(t, certificate, (asked, answer) => {
    versions.add(asked.httpVersion);
    answer.end("ok");
  });
  const tls = { ca: certificate.cert, rejectUnauthorized: true };
  const transport = transportTo(t, tokens(world.url, ["t"], () => tls).credentials);
  for (let i = 0; i < 10; i++) assert.equal(await text(transport), "ok");
  // undici opens a second one while it still counts the first as new.
  assert.ok(world.connectionCount <= 2, `${world.connectionCount} handshakes for 10 requests`);
  assert.deepEqual([...versions], ["1.1"]);
});

test("transport: a client certificate is shown", async (t) => {
  const server = selfSigned();
  const client = selfSigned({ commonName: "evenkeel" });
  const world = await secure(t, server, (_, answer) => answer.end("ok"), { requestCert: true, ca: client.cert });
  const tls = { ca: server.cert, ...client, rejectUnauthorized: true };
  assert.equal(await text(transportTo(t, tokens(world.url, ["t"], () => tls).credentials)), "ok");
  const without = { ca: server.cert, rejectUnauthorized: true };
  await assert.rejects(text(transportTo(t, tokens(world.url, ["t"], () => without).credentials)), isUnreachable(/./));
});

test("transport: a rotated CA means new connections; a watch under way goes on", async (t) => {
  const before = selfSigned();
  const after = selfSigned();
  let watch: { write(text: string): void; end(): void } | undefined;
  const server = createHttpsServer(before, (asked, answer) => {
    if (asked.url !== "/watch") return answer.end("ok");
    answer.write("1");
    watch = answer;
    return answer;
  });
  const world = await listening(t, server, "https");
  let ca = before.cert;
  const source = tokens(world.url, ["t"], () => ({ ca, rejectUnauthorized: true }));
  const transport = transportTo(t, source.credentials);
  const watching = text(transport, "/watch", { lane: "watches" });
  assert.equal(await text(transport), "ok");
  server.setSecureContext(after);
  ca = after.cert;
  await source.clock.advance(60_000);
  await renewed(source.credentials);
  assert.equal(await text(transport), "ok");
  assert.equal(world.connectionCount, 3);
  watch?.write("2");
  watch?.end();
  assert.equal(await watching, "12");
});

const ok: RequestListener = (_, answer) => answer.end("ok");
const verify = (ca?: string): TlsMaterial => ({ ca, rejectUnauthorized: true });

const failsAs = (code: Code) => (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EvenkeelError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, says);
  return true;
};
const isUnreachable = failsAs("API_UNREACHABLE");
const isUntrusted = failsAs("API_UNTRUSTED");

/** A server that has another certificate than our CA file says, until that is `rotate`d. */
async function unknown(t: TestContext) {
  const [before, after] = [selfSigned(), selfSigned()];
  const arrived: string[] = [];
  const server = createHttpsServer(after, (asked, answer) => {
    const chunks: Buffer[] = [];
    asked.on("data", (chunk: Buffer) => chunks.push(chunk));
    asked.on("end", () => {
      arrived.push(`${asked.method} ${asked.headers.authorization} ${Buffer.concat(chunks).toString()}`.trim());
      answer.end("ok");
    });
  });
  const world = await listening(t, server, "https");
  const handshakes = { count: 0 };
  server.on("connection", () => handshakes.count++);
  let ca = before.cert;
  const rotate = (): void => void (ca = after.cert);
  const source = tokens(world.url, ["t"], () => verify(ca));
  // What was read before the file changed, and is not old.
  await source.credentials.current();
  return { source, rotate, arrived, handshakes, transport: transportTo(t, source.credentials) };
}

test("transport: a server with another certificate has the CA read again, and the request sent once", async (t) => {
  const { source, rotate, arrived, handshakes, transport } = await unknown(t);
  rotate();
  assert.equal(await text(transport, "/", { method: "POST", body: "{}" }), "ok");
  assert.deepEqual(arrived, ["POST Bearer t {}"]);
  assert.deepEqual([source.loadCount, handshakes.count], [2, 2]);
});

test("transport: many that find a server with another certificate have its CA read again once", async (t) => {
  const { source, rotate, arrived, transport } = await unknown(t);
  rotate();
  const all = await Promise.all(Array.from({ length: 8 }, () => text(transport)));
  assert.deepEqual(new Set(all), new Set(["ok"]));
  assert.deepEqual([source.loadCount, arrived.length], [2, 8]);
});

test("transport: a server that stays unknown costs a handshake each time and a look a second, and is told nothing", async (t) => {
  const { source, arrived, handshakes, transport } = await unknown(t);
  for (let i = 0; i < 5; i++) await assert.rejects(text(transport), isUntrusted(/not signed by the CA/));
  assert.deepEqual([source.loadCount, handshakes.count], [2, 5]);
  await source.clock.advance(1_000);
  await assert.rejects(text(transport), isUntrusted(/./));
  assert.deepEqual([source.loadCount, handshakes.count], [3, 6]);
  assert.deepEqual(arrived, []);
});

test("transport: a CA that comes late is found at the next renewal of the lease", async (t) => {
  const { source, rotate, transport } = await unknown(t);
  const renewal = (): Promise<string> => text(transport, "/", { lane: "lease" });
  for (let i = 0; i < 3; i++) {
    await assert.rejects(renewal(), isUntrusted(/./));
    await source.clock.advance(2_000);
  }
  rotate();
  assert.equal(await renewal(), "ok");
});

test("transport: a CA that cannot be read again leaves the certificate as the reason", async (t) => {
  const server = await secure(t, selfSigned(), ok);
  let loadCount = 0;
  const credentials = new RenewedCredentials({ server: server.url, namespace: "" }, new VirtualClock(), async () => {
    if (loadCount++ > 0) throw new EvenkeelError("FILE_NOT_FOUND", "ca.crt");
    return { identity: { authorization: "Bearer t", tls: verify(selfSigned().cert) }, freshForMs: 60_000 };
  });
  await assert.rejects(text(transportTo(t, credentials)), isUntrusted(/not signed by the CA/));
  assert.equal(loadCount, 2);
});

test("transport: failures to connect name the server and the reason", async (t) => {
  const certificate = selfSigned();
  const expired = selfSigned({ notAfter: Date.UTC(2021, 0, 1) });
  const world = await secure(t, certificate, ok);
  const old = await secure(t, expired, ok);
  const clear = await httpWorld(t, ok);
  const by = (url: string, tls: TlsMaterial) => text(transportTo(t, tokens(url, ["t"], () => tls).credentials));
  await assert.rejects(
    by(world.url, verify(expired.cert)),
    isUntrusted(/^https:\/\/127.*not signed by the CA.*\(.*CERT.*\)/),
  );
  await assert.rejects(by(old.url, verify(expired.cert)), isUntrusted(/not valid at this time.*CERT_HAS_EXPIRED/));
  await assert.rejects(
    by(world.url, { ...verify(certificate.cert), servername: "other.example" }),
    isUntrusted(/another name/),
  );
  await assert.rejects(by(clear.url.replace("http:", "https:"), verify()), isUnreachable(/does not speak TLS/));
  await assert.rejects(by(world.url, verify("no PEM")), isUntrusted(/./));
  const nobody = plainCredentials({ url: "http://127.0.0.1:1" });
  await assert.rejects(text(transportTo(t, nobody)), isUnreachable(/nothing listens there \(ECONNREFUSED\)/));
});

test("transport: a connection that breaks before the answer, or within it, is unreachable", async (t) => {
  const world = await httpWorld(t, (asked, answer) => {
    if (asked.url === "/within") answer.write("half");
    setImmediate(() => asked.socket.destroy());
  });
  const transport = plain(t, world);
  await assert.rejects(text(transport, "/before"), isUnreachable(/the connection broke/));
  await assert.rejects(text(transport, "/within"), isUnreachable(/the connection broke/));
  await assert.rejects(text(transport, "/within", { lane: "watches" }), isUnreachable(/the connection broke/));
  const { body } = await transport.send(request("/within", { lane: "watches" }));
  await assert.rejects(Array.fromAsync(body), isUnreachable(/the connection broke/));
});

/** How an exchange that is collected whole is told to end. A deadline comes with a signal that nobody aborts: it is not needed. */
const endings = {
  signal() {
    const controller = new AbortController();
    return { more: { signal: controller.signal }, abort: (reason: unknown) => controller.abort(reason) };
  },
  deadline() {
    const deadline = new Deadline(new VirtualClock(), "get", 1000, undefined);
    return { more: { ending: deadline }, abort: (reason: unknown) => deadline.expire(reason) };
  },
};

for (const [by, ending] of Object.entries(endings)) {
  const moments: Readonly<Record<string, (answer: ServerResponse, reached: () => void) => void>> = {
    "before the answer": (_, reached) => reached(),
    "within an answer that is collected": (answer, reached) => void answer.write("half", reached),
  };
  for (const [moment, reach] of Object.entries(moments))
    test(`transport: an abort ${moment} ends the exchange with the reason of its ${by}`, async (t) => {
      const reached = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<string>();
      const world = await httpWorld(t, (asked, answer) => {
        asked.socket.on("close", () => closed.resolve("closed"));
        reach(answer, reached.resolve);
      });
      const { more, abort } = ending();
      const reason = new Error("stop");
      const rejected = assert.rejects(text(plain(t, world), "/", more), (error) => error === reason);
      await reached.promise;
      abort(reason);
      await rejected;
      assert.equal(await closed.promise, "closed");
    });

  test(`transport: what was aborted before it was sent, or while it waits for a connection, is not sent, by its ${by}`, async (t) => {
    const arrived: (string | undefined)[] = [];
    const first = Promise.withResolvers<ServerResponse>();
    const world = await httpWorld(t, (asked, answer) => {
      arrived.push(asked.url);
      if (asked.url === "/first") first.resolve(answer);
      else answer.end("ok");
    });
    const transport = plain(t, world, 1);
    const reason = new Error("stop");
    const never = ending();
    never.abort(reason);
    await assert.rejects(text(transport, "/never", never.more), (error) => error === reason);
    const under = text(transport, "/first");
    const answer = await first.promise;
    const waiting = ending();
    const rejected = assert.rejects(text(transport, "/waits", waiting.more), (error) => error === reason);
    waiting.abort(reason);
    await rejected;
    answer.end("one");
    assert.equal(await under, "one");
    assert.equal(await text(transport, "/last"), "ok");
    assert.deepEqual(arrived, ["/first", "/last"]);
    assert.equal(world.connectionCount, 1, "and the connection that it waited for is not closed for it");
  });
}

test("transport: an answer in many pieces is put together, characters and all", async (t) => {
  const whole = Buffer.from("naïve ☃ ".repeat(20_000));
  const world = await httpWorld(t, (_, answer) => {
    for (let at = 0; at < whole.length; at += 7_919) answer.write(whole.subarray(at, at + 7_919));
    answer.end();
  });
  for (const lane of ["requests", "watches"] as const)
    assert.equal(await text(plain(t, world), "/", { lane }), whole.toString("utf8"));
  const { body } = await plain(t, world).send(request("/"));
  assert.deepEqual(Buffer.concat(await Array.fromAsync(body)), whole);
});

test("transport: a refused watch is renewed as well, and what refuses it is closed", async (t) => {
  const world = await httpWorld(t, (asked, answer) => {
    answer.writeHead(asked.headers.authorization === "Bearer new" ? 200 : 401);
    answer.end("done");
  });
  const { credentials } = tokens(world.url, ["old", "new"]);
  const response = await transportTo(t, credentials).send(request("/", { lane: "watches" }));
  assert.deepEqual([response.status, await words(response)], [200, "done"]);
  const refusal = await transportTo(t, tokens(world.url, ["old"]).credentials).send(request("/", { lane: "watches" }));
  assert.deepEqual([refusal.status, await words(refusal)], [401, "done"]);
});

test("transport: an abort within the answer ends the exchange with the signal's reason", async (t) => {
  const closed = Promise.withResolvers<string>();
  const world = await httpWorld(t, (asked, answer) => {
    asked.socket.on("close", () => closed.resolve("closed"));
    answer.write("half");
  });
  const controller = new AbortController();
  const reason = new Error("stop");
  const { body } = await plain(t, world).send(request("/", { lane: "watches", signal: controller.signal }));
  const chunks = body[Symbol.asyncIterator]();
  assert.equal((await chunks.next()).done, false);
  const rejected = assert.rejects(chunks.next(), (error) => error === reason);
  controller.abort(reason);
  await rejected;
  assert.equal(await closed.promise, "closed");
});

test("transport: after an abort nothing more is read, whatever has arrived", async (t) => {
  const world = await httpWorld(t, (_, answer) => void answer.write(Buffer.alloc(2 ** 20, "x")));
  const ending = new AbortController();
  const { body } = await plain(t, world).send(request("/", { lane: "watches", signal: ending.signal }));
  const reader = body[Symbol.asyncIterator]();
  await reader.next();
  // The rest of what is under way arrives, and waits.
  const { promise: arrived, resolve } = Promise.withResolvers<void>();
  setImmediate(() => setImmediate(resolve));
  await arrived;
  ending.abort(new Error("enough"));
  await assert.rejects(reader.next(), /enough/);
});

test("transport: a body that is abandoned closes its connection", async (t) => {
  const closed = Promise.withResolvers<void>();
  const world = await httpWorld(t, (asked, answer) => {
    asked.socket.on("close", closed.resolve);
    answer.write("first");
  });
  const { body } = await plain(t, world).send(request("/", { lane: "watches" }));
  for await (const chunk of body) {
    assert.equal(Buffer.from(chunk).toString(), "first");
    break;
  }
  await closed.promise;
});

test("transport: what nobody reads stays with the server, and is all there once it is read", async (t) => {
  const totalBytes = 64 * 2 ** 20;
  const piece = Buffer.alloc(2 ** 16, "x");
  let sentBytes = 0;
  const send = async (answer: ServerResponse): Promise<void> => {
    for (; sentBytes < totalBytes; sentBytes += piece.length) if (!answer.write(piece)) await once(answer, "drain");
    answer.end();
  };
  const world = await httpWorld(t, (_, answer) => void send(answer));
  const { body } = await plain(t, world).send(request("/", { lane: "watches" }));
  const reader = body[Symbol.asyncIterator]();
  let readBytes = (await reader.next()).value?.length ?? 0;
  let before = 0;
  const isAtRest = (): boolean => sentBytes === before || ((before = sentBytes), false);
  await until(isAtRest, { what: "the server waits" });
  assert.ok(sentBytes < totalBytes / 2, `${sentBytes} bytes were sent`);
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) readBytes += next.value.length;
  assert.equal(readBytes, totalBytes);
});

test("transport: what had to wait is read to its last byte, though nothing follows", async (t) => {
  // More than may wait, by so little that the rest is there when the reader goes on.
  const totals = [20, 21, 22, 23, 24, 25].map((count) => count * 2 ** 14);
  const world = await httpWorld(
    t,
    (asked, answer) => void answer.write(Buffer.alloc(Number(asked.url?.slice(1)), "x")),
  );
  const transport = plain(t, world);
  for (const totalBytes of totals) {
    const { body } = await transport.send(request(`/${totalBytes}`, { lane: "watches" }));
    let readBytes = 0;
    for await (const chunk of body) {
      readBytes += chunk.length;
      if (readBytes === totalBytes) break;
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    }
    assert.equal(readBytes, totalBytes);
  }
});

test("transport: closing ends what is under way and refuses what comes", async (t) => {
  const world = await httpWorld(t, (_, answer) => answer.write("x"));
  const transport = plain(t, world);
  const { body } = await transport.send(request("/", { lane: "watches" }));
  const reading = assert.rejects(Array.fromAsync(body), isUnreachable(/./));
  await transport.close();
  await reading;
  await assert.rejects(text(transport), isUnreachable(/closed/));
});

const discovery = new Map([
  ["/api", aggregated([group("", "v1", [served("ConfigMap", "configmaps", "Namespaced")])])],
  ["/apis", aggregated([])],
]);

test("transport: an object whose data is not UTF-8 is neither got nor listed; a refusal needs no words", async (t) => {
  const object = configMap("a", "7", { data: { key: "\xc3\x28" } });
  const list = { apiVersion: "v1", kind: "ConfigMapList", metadata: { resourceVersion: "9" }, items: [object] };
  const world = await httpWorld(t, (asked, answer) => {
    const document = discovery.get(asked.url ?? "");
    if (document !== undefined) answer.end(JSON.stringify(document));
    else if (asked.method === "DELETE") answer.writeHead(502).end("\xc3\x28", "latin1");
    else answer.end(JSON.stringify(asked.url?.endsWith("/a") === true ? object : list), "latin1");
  });
  const client = new ApiClient({ transport: plain(t, world), clock: systemClock });
  const isRefused = failsAs("API_BAD_RESPONSE")(/not UTF-8/);
  await assert.rejects(client.get(ConfigMap, { namespace: "team-a", name: "a" }), isRefused);
  await assert.rejects(client.list(ConfigMap, {}), isRefused);
  const deletion = client.delete(ConfigMap, { namespace: "team-a", name: "a" }, { uid: "u" });
  await assert.rejects(deletion, failsAs("API_UNAVAILABLE")(/502, without a Status/), "its status counts");
});

test("transport: a watch that falls silent is noticed, and its connection closed", async (t) => {
  const { world, closed } = await watchedWorld(t, (answer) =>
    answer.write(`${JSON.stringify({ type: "ADDED", object: configMap("a") })}\n`),
  );
  const clock = new VirtualClock();
  const client = new ApiClient({ transport: plain(t, world), clock });
  const seen: string[] = [];
  try {
    const options = { resourceVersion: "1", timeoutSeconds: 300, idleMs: 50_000 };
    for await (const { type } of client.watch(ConfigMap, options)) {
      seen.push(type);
      void clock.advance(50_000);
    }
  } catch (error) {
    seen.push(codeOf(error));
  }
  assert.deepEqual(seen, ["added", "API_TIMEOUT"]);
  await closed;
});

test("transport: a page in place of a watch is told by what it is, and its connection closed", async (t) => {
  const { world, closed } = await watchedWorld(t, (answer) =>
    answer.writeHead(200, { "content-type": "text/html" }).write("<html>s3cret"),
  );
  const client = new ApiClient({ transport: plain(t, world), clock: new VirtualClock() });
  const watch = client.watch(ConfigMap, { resourceVersion: "1", timeoutSeconds: 300, idleMs: 50_000 });
  const isRefused = failsAs("API_BAD_RESPONSE")(
    /^watch v1\/ConfigMap: the answer is text\/html, neither JSON nor protobuf; /,
  );
  await assert.rejects(Array.fromAsync(watch), isRefused);
  await closed;
});

/** Discovers, and answers a watch thus. @returns `closed`, when the watch's connection is */
async function watchedWorld(
  t: TestContext,
  watch: (answer: ServerResponse) => unknown,
): Promise<{ readonly world: World; readonly closed: Promise<void> }> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const world = await httpWorld(t, (asked, answer) => {
    const document = discovery.get(asked.url ?? "");
    if (document !== undefined) return answer.end(JSON.stringify(document));
    asked.socket.on("close", resolve);
    return watch(answer);
  });
  return { world, closed };
}
