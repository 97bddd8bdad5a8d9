/** An Api that records what it is asked to write, and answers as told. Reads are not its business. */
import type { Api, WriteResult } from "../../runtime/kube/api.ts";
import { kindKey, type Kind } from "../../runtime/kube/kind.ts";
import { objectKey, type ObjectName } from "../../runtime/kube/object.ts";

export interface Call {
  /** `create v1/ConfigMap team-a/settings` */
  readonly what: string;
  readonly body: unknown;
  readonly options: Readonly<Record<string, unknown>>;
  /** Answers the call. Without a version: as the server does with a Status. */
  readonly succeed: (resourceVersion?: string) => void;
  readonly fail: (error: unknown) => void;
}

export class FakeApi implements Pick<Api, "create" | "update" | "patch" | "delete"> {
  readonly calls: Call[] = [];
  /** Answers each call at once; without it a call waits for the test. */
  answer: ((call: Call) => void) | undefined;

  get api(): Api {
    return this as unknown as Api;
  }

  get said(): readonly string[] {
    return this.calls.map(({ what }) => what);
  }

  create(kind: Kind, body: { readonly metadata: ObjectName }, options: object = {}): Promise<WriteResult> {
    return this.#call("create", kind, body.metadata, body, options);
  }

  update(kind: Kind, body: { readonly metadata: ObjectName }, options: object = {}): Promise<WriteResult> {
    return this.#call("update", kind, body.metadata, body, options);
  }

  patch(kind: Kind, name: ObjectName, body: object, options: object): Promise<WriteResult> {
    return this.#call("patch", kind, name, body, options);
  }

  delete(kind: Kind, name: ObjectName, preconditions: object, options: object = {}): Promise<WriteResult> {
    return this.#call("delete", kind, name, preconditions, options);
  }

  #call(verb: string, kind: Kind, name: ObjectName, body: unknown, options: object): Promise<WriteResult> {
    const { promise, resolve, reject } = Promise.withResolvers<WriteResult>();
    const { apiVersion, kind: kindName } = kind;
    const call: Call = {
      what: `${verb} ${kindKey(kind)} ${objectKey(name)}`,
      body,
      options: { ...options },
      succeed: (resourceVersion) =>
        resolve({
          object:
            resourceVersion === undefined
              ? undefined
              : { apiVersion, kind: kindName, metadata: { name: name.name, uid: "u", resourceVersion } },
          status: 200,
          auditId: "audit-1",
        }),
      fail: reject,
    };
    this.calls.push(call);
    this.answer?.(call);
    return promise;
  }
}
