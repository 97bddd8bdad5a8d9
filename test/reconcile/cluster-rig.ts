/** An embedded cluster with what a function's cache needs, and the requests that were sent for it. */
import type { TestContext } from "node:test";
import { createApiServer } from "../../runtime/apiserver/server.ts";
import { Informers } from "../../runtime/cache/informers.ts";
import { ApiClient } from "../../runtime/kube/client.ts";
import type { KubeObject } from "../../runtime/kube/object.ts";
import { parseKey } from "../../runtime/kube/object.ts";
import { ConfigMap, type Kind } from "../../runtime/kube/kind.ts";
import { indexers } from "../../runtime/reconcile/function-cache.ts";
import { faulty, inProcessTransport, type FaultRule } from "../support/in-process-transport.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

export class ClusterRig {
  readonly clock = new VirtualClock();
  readonly informers: Informers;
  /** As the host asks. */
  readonly api: ApiClient;
  /** `GET /api/v1/…`, of the host alone; discovery and watches are not among them. */
  readonly requests: string[] = [];
  rule: FaultRule = () => undefined;
  readonly #server = createApiServer({ clock: this.clock });
  readonly #user: ApiClient;

  constructor(context: TestContext) {
    const wire = (): ReturnType<typeof inProcessTransport> =>
      inProcessTransport((request) => this.#server.fetch(request));
    this.#user = new ApiClient({ clock: this.clock, transport: wire() });
    const transport = faulty(wire(), (request, ordinal) => {
      const isOther = request.path.includes("watch=true") || /^\/apis?$/.test(request.path);
      if (!isOther) this.requests.push(`${request.method} ${request.path.split("?")[0]}`);
      return this.rule(request, ordinal);
    });
    this.api = new ApiClient({ clock: this.clock, transport });
    this.informers = new Informers({ api: this.api, clock: this.clock, indexers });
    context.after(async () => {
      await this.informers.stop();
      await this.#server.close();
    });
  }

  async create(...objects: readonly KubeObject[]): Promise<void> {
    for (const object of objects) await this.#user.create(object, object);
  }

  async update(object: KubeObject): Promise<void> {
    await this.#user.update(object, object);
  }

  async delete(key: string, of: Kind = ConfigMap): Promise<void> {
    const { metadata } = await this.#user.get(of, parseKey(key));
    await this.#user.delete(of, parseKey(key), { uid: metadata.uid });
  }
}
