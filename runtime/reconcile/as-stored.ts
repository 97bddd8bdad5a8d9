/**
 * A wish in the form in which the API server stores it: else it would never equal what is there, and be sent for ever.
 * Source: pkg/apis/core/v1 defaults.go (SetDefaults_Secret), conversion.go (Convert_v1_Secret_To_core_Secret).
 */
import { kindKey } from "../kube/kind.ts";
import type { KubeObject } from "../kube/object.ts";

type Secret = KubeObject & {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
};

/** A child, with all that is defaulted of it where all of its fields are the function's. */
export function asStored(child: KubeObject): KubeObject {
  if (!isSecret(child)) return child;
  const secret = withoutText(child);
  return secret.type ? secret : opaque(secret);
}

/** Fields of somebody else's object: those that are named and no other. */
export function asApplied(fields: KubeObject): KubeObject {
  return isSecret(fields) ? withoutText(fields) : fields;
}

/** `stringData` is never stored: it becomes `data`, and wins where both name a key. */
function withoutText({ stringData, ...secret }: Secret): Secret {
  if (stringData === undefined) return secret;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text).toString("base64")]);
  return { ...secret, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

function opaque(secret: Secret): Secret {
  return { ...secret, type: "Opaque" };
}

function isSecret(object: KubeObject): object is Secret {
  return kindKey(object) === "v1/Secret";
}
