/** Credentials that have grown old are renewed by their use, in the background: this waits for it. */
import type { Credentials, Identity } from "../../runtime/kube/credentials.ts";

/** Uses old credentials. @returns what they are once the renewal that this began is over. */
export async function renewed(credentials: Credentials): Promise<Identity> {
  return credentials.renew(await credentials.current(), "untrusted");
}
