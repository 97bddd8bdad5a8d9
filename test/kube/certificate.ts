/** Self-signed certificates for loopback servers. Each call makes a new key, and so another authority. */
import { selfSigned as selfSignedFor, type TlsKeyPair } from "../../runtime/host/certificate.ts";

/** PEM; its own CA. */
export type Certificate = TlsKeyPair;

/** For `localhost` and 127.0.0.1, from 2020 on. */
export function selfSigned({
  commonName = "localhost",
  notAfter = Date.UTC(2049, 11, 31),
}: { readonly commonName?: string; readonly notAfter?: number } = {}): Certificate {
  return selfSignedFor({ commonName, names: ["localhost", "127.0.0.1"], notBefore: Date.UTC(2020, 0, 1), notAfter });
}
