/** What requests at the fence are made of. */

/** Of an object's metadata, beside its name and namespace. */
export type Marked = Readonly<Record<string, unknown>>;

export interface Sample {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string } & Marked;
}

/** @param key `team-a/web` */
export const meta = (key: string, more: Marked): Sample["metadata"] => {
  const [namespace, name = ""] = key.split("/");
  return { name, ...(namespace === undefined ? {} : { namespace }), ...more };
};

export function deployment(key: string, more: Marked = {}): Sample {
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:1" }] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: meta(key, more), spec } as Sample;
}

/** All marks, as a child of mirror has them: which kind a function writes is not looked at where something goes. */
export function marks(key: string, kindName = "ConfigMap"): Marked {
  return {
    labels: { "evenkeel.dev/function": "mirror" },
    annotations: {
      "evenkeel.dev/owner": "ConfigMap/default/settings",
      "evenkeel.dev/owner-uid": "6f9d0a8e-1111-4222-8333-444455556666",
      "evenkeel.dev/self": `${kindName}/${key}`,
    },
  };
}

/** A merge patch that takes them off. */
export const NO_MARKS = {
  metadata: {
    labels: { "evenkeel.dev/function": null },
    annotations: { "evenkeel.dev/owner": null, "evenkeel.dev/owner-uid": null, "evenkeel.dev/self": null },
  },
};

/** An ownerReference. */
export const OWNER = {
  apiVersion: "v1",
  kind: "Namespace",
  name: "team-a",
  uid: "6f9d0a8e-1111-4222-8333-444455556667",
};
