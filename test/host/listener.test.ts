import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { TLSSocket } from "node:tls";
import { get } from "node:https";
import { suite, test } from "node:test";
import { Hono } from "hono";
import { systemClock } from "../../runtime/clock/clock.ts";
import { selfSigned } from "../../runtime/host/certificate.ts";
import { listen } from "../../runtime/host/listener.ts";
import { ServingCertificate } from "../../runtime/host/serving-certificate.ts";
import { EvenkeelError } from "../../runtime/kube/errors.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { until } from "../support/wait.ts";

const app = new Hono().get("/livez", (c) => c.text("ok")).post("/livez", (c) => c.text("unread", 405));
const how = { clock: systemClock, flag: "--address" };

const anyPort = { host: "127.0.0.1", port: 0 };

suite("a listener", () => {
  for (const address of [anyPort, { host: "::1", port: 0 }, { host: "", port: 0 }])
    test(`on ${JSON.stringify(address.host)} reports the port it got and answers there`, async () => {
      const listener = await listen(app, address, how);
      const { port } = listener.address;
      assert.ok(port > 0);
      const url = address.host === "::1" ? `http://[::1]:${port}/livez` : `http://127.0.0.1:${port}/livez`;
      const response = await fetch(url);
      assert.equal(await response.text(), "ok");
      await listener.close();
      await assert.rejects(fetch(url));
    });

  for (const [what, isSecure, text] of [
    ["sends half a request", false, "GET /livez HTTP/1.1\r\nhost:"],
    ["says nothing", false, ""],
    ["does not begin its TLS handshake", true, ""],
  ] as const)
    test(`closes promptly though a client holds a connection and ${what}`, { timeout: 10_000 }, async () => {
      const clock = new VirtualClock();
      const load = { files: undefined, clock, onRefused: () => {} };
      const certificate = isSecure ? await ServingCertificate.load(load) : undefined;
      const listener = await listen(app, anyPort, { ...how, clock, certificate });
      const socket = connect(listener.address.port, "127.0.0.1");
      // It may be reset or ended: either is closed.
      socket.on("error", () => {});
      const closed = new Promise((resolve) => socket.on("close", resolve));
      await once(socket, "connect");
      if (text !== "") socket.write(text);
      // The server has taken it when it answers another.
      if (isSecure) await subject(listener.address.port, undefined);
      else await fetch(`http://127.0.0.1:${listener.address.port}/livez`).then((response) => response.text());
      const ending = listener.close();
      await clock.advance(250);
      await ending;
      await closed;
      certificate?.close();
    });

  test("leaves a request body unread", async () => {
    const listener = await listen(app, anyPort, how);
    const response = await fetch(`http://127.0.0.1:${listener.address.port}/livez`, {
      method: "POST",
      body: "x".repeat(100_000),
    });
    assert.equal(response.status, 405);
    await response.text();
    await listener.close();
  });

  test("on an address that is taken fails with what to change and keeps Node's code as cause", async () => {
    const first = await listen(app, anyPort, how);
    await assert.rejects(listen(app, first.address, how), (error) => {
      assert.ok(error instanceof EvenkeelError);
      assert.equal(error.code, "FLAG_INVALID");
      assert.match(error.message, new RegExp(`--address 127\\.0\\.0\\.1:${first.address.port} is in use`));
      assert.ok(error.cause instanceof Error && "code" in error.cause && error.cause.code === "EADDRINUSE");
      return true;
    });
    await first.close();
  });

  test("on an address of another machine fails with what is wrong", async () => {
    await assert.rejects(listen(app, { host: "192.0.2.1", port: 0 }, how), {
      code: "FLAG_INVALID",
      message: /--address 192\.0\.2\.1:0 is no address of this machine/,
    });
  });
});

suite("a listener with a certificate of files", () => {
  const names = { names: ["localhost"], notBefore: Date.UTC(2020, 0, 1), notAfter: Date.UTC(2049, 0, 1) };

  test("serves new connections with what the files hold now, and keeps what was good", async (context) => {
    const [first, second] = [
      selfSigned({ commonName: "first", ...names }),
      selfSigned({ commonName: "second", ...names }),
    ];
    const folder = await tempFolder(context, { crt: first.cert, key: first.key });
    const clock = new VirtualClock();
    const refused: string[] = [];
    const certificate = await ServingCertificate.load({
      files: { certFile: `${folder.path}/crt`, keyFile: `${folder.path}/key` },
      clock,
      onRefused: ({ code }) => refused.push(code),
    });
    const listener = await listen(app, anyPort, { ...how, certificate });
    context.after(() => listener.close());
    const look = (ca: string): Promise<string> => subject(listener.address.port, ca);
    // The files are really read, which takes as long as it takes.
    const later = <T>(ask: () => T | undefined | Promise<T | undefined>, what: string): Promise<T> =>
      until(
        async () => {
          await clock.advance(10_000);
          return ask();
        },
        { what },
      );
    const refusals = (count: number) => later(() => refused[count - 1], `${count} refused`);
    assert.equal(await look(first.cert), "first");
    await folder.write("crt", second.cert);
    await refusals(1);
    await clock.advance(30_000);
    assert.equal(await look(first.cert), "first");
    await folder.write("key", second.key);
    assert.equal(await later(() => look(second.cert).catch(() => undefined), "the new pair is served"), "second");
    await folder.remove("key");
    await refusals(2);
    assert.equal(await look(second.cert), "second");
    assert.deepEqual(refused, ["FLAG_INVALID", "FILE_NOT_FOUND"], "each is told once");
    certificate.close();
    assert.equal(clock.pendingCount, 0);
  });

  const [one, other] = [selfSigned({ commonName: "a", ...names }), selfSigned({ commonName: "b", ...names })];
  for (const [why, crt, key] of [
    ["that do not fit together", one.cert, other.key],
    ["of which one is empty", one.cert, ""],
    ["of which the other is", "\n", one.key],
  ] as const)
    test(`does not begin with files ${why}`, async (context) => {
      const folder = await tempFolder(context, { crt, key });
      const files = { certFile: `${folder.path}/crt`, keyFile: `${folder.path}/key` };
      const loading = ServingCertificate.load({ files, clock: new VirtualClock(), onRefused: () => {} });
      await assert.rejects(loading, { code: "FLAG_INVALID", message: /are no certificate and its key/ });
    });
});

/** Whose certificate is shown to who trusts `ca` alone; to who trusts anybody where there is none. */
async function subject(port: number, ca: string | undefined): Promise<string> {
  const trust = ca === undefined ? { rejectUnauthorized: false } : { ca };
  const request = get({ host: "127.0.0.1", port, path: "/livez", ...trust, servername: "localhost", agent: false });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const socket = response.socket as TLSSocket;
  const { subject } = socket.getPeerCertificate();
  response.resume();
  return String(subject.CN);
}
