/** What standing still looks like from the client's end, over TLS. That the host's requests pass, behaviours.test.ts shows. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent, createServer, request, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, suite, test } from "node:test";

import { selfSigned } from "../kube/certificate.ts";
import { freePort } from "./free-port.ts";
import { HoldingProxy, type Asked } from "./holding-proxy.ts";
import { until } from "../support/wait.ts";

const isSlow = ({ url }: Asked): boolean => url.pathname === "/slow";

suite("a holding proxy", () => {
  let folder: string;
  let ca: string;
  let server: Server;
  let proxy: HoldingProxy;
  /** Of the server: what it was asked, and its answers that are open. */
  let heard: string[];
  let open: ServerResponse[];

  beforeEach(async () => {
    [heard, open] = [[], []];
    folder = await mkdtemp(join(tmpdir(), "evenkeel-proxy-"));
    const { cert, key } = selfSigned();
    ca = cert;
    await writeFile(join(folder, "apiserver.crt"), cert);
    await writeFile(join(folder, "apiserver.key"), key);
    server = createServer({ cert, key }, (asked, answer) => {
      heard.push(`${asked.method} ${asked.url} ${asked.headers.authorization}`);
      open.push(answer);
      asked.pipe(answer, { end: false });
    });
    const port = await freePort();
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    proxy = await HoldingProxy.start({ url: `https://127.0.0.1:${port}`, caFile: join(folder, "apiserver.crt") });
  });

  afterEach(async () => {
    proxy.close();
    server.close();
    server.closeAllConnections();
    await once(server, "close");
    await rm(folder, { recursive: true });
  });

  const ask = (path: string, body = ""): Client => new Client(`${proxy.url}${path}`, ca, body);

  test("passes requests and answers, as they come", async () => {
    const client = ask("/fast?labelSelector=a%3Db", "hello ");
    await client.hears("hello ");
    open[0]?.write("again");
    await client.hears("hello again");
    assert.deepEqual(heard, ["POST /fast?labelSelector=a%3Db Bearer t"]);
    open[0]?.end();
    await until(() => client.end, { what: "the end comes" });
    assert.equal(client.end, "complete");
  });

  test("keeps new requests that are meant to itself until they are released, and no others", async () => {
    const hold = proxy.hold(isSlow);
    const slow = ask("/slow", "late");
    await until(() => hold.count > 0, { what: "it is held" });
    await ask("/fast", "on time").hears("on time");
    assert.deepEqual([heard.length, slow.heard, slow.end], [1, "", undefined]);
    hold.release();
    await slow.hears("late");
  });

  test("holds back what an open answer goes on to say, and nothing of it is lost", async () => {
    const slow = ask("/slow", "before ");
    await slow.hears("before ");
    const hold = proxy.hold(isSlow);
    open[0]?.write("during ");
    open[0]?.end();
    await ask("/fast", "on time").hears("on time");
    assert.deepEqual([hold.count, slow.heard, slow.end], [1, "before ", undefined]);
    hold.release();
    await slow.hears("before during ");
    await until(() => slow.end, { what: "the end comes" });
  });

  test("goes on when the last of several holds is released", async () => {
    const holds = [proxy.hold(isSlow), proxy.hold(({ method }) => method === "POST")];
    const slow = ask("/slow", "late");
    await until(() => (holds[1]?.count ?? 0) > 0, { what: "it is held" });
    holds[0]?.release();
    await ask("/fast").isHeld(holds[1]);
    assert.deepEqual([heard, slow.heard], [[], ""]);
    holds[1]?.release();
    await slow.hears("late");
  });

  test("forgets a request that its client has given up", async () => {
    const hold = proxy.hold(isSlow);
    const slow = ask("/slow");
    await until(() => hold.count > 0, { what: "it is held" });
    slow.giveUp();
    await until(() => hold.count === 0, { what: "it is forgotten" });
    hold.release();
    assert.deepEqual(heard, []);
  });

  test("resets open exchanges that are meant, and lets the client ask again", async () => {
    const slow = ask("/slow", "before ");
    await slow.hears("before ");
    proxy.cut(isSlow);
    await until(() => slow.end, { what: "the reset arrives" });
    assert.equal(slow.end, "ECONNRESET");
    await ask("/slow", "again").hears("again");
  });

  test("breaks an answer off where the server breaks it off", async () => {
    const slow = ask("/slow", "before ");
    await slow.hears("before ");
    open[0]?.destroy();
    await until(() => slow.end, { what: "the break arrives" });
    assert.equal(slow.end, "ECONNRESET");
  });
});

class Client {
  heard = "";
  /** `complete`, or the code of what ended it. */
  end: string | undefined;
  readonly #request: ReturnType<typeof request>;

  constructor(url: string, ca: string, body: string) {
    const headers = { authorization: "Bearer t" };
    this.#request = request(url, { ca, method: "POST", headers, agent: new Agent({ keepAlive: false }) });
    const fail = (error: NodeJS.ErrnoException): void => void (this.end = error.code);
    this.#request.on("error", fail);
    this.#request.on("response", (answer: IncomingMessage) => {
      answer.on("error", fail).on("end", () => (this.end = "complete"));
      answer.setEncoding("utf8").on("data", (text: string) => (this.heard += text));
    });
    this.#request.end(body);
  }

  async hears(text: string): Promise<void> {
    await until(() => this.heard === text, { what: text, everyMs: 5 });
  }

  async isHeld(hold: { readonly count: number } | undefined): Promise<void> {
    await until(() => hold?.count === 2, { what: "both are held", everyMs: 5 });
  }

  giveUp(): void {
    this.#request.destroy();
  }
}
