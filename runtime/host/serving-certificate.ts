/**
 * The certificate that /metrics is served with: of two files, read again when they change, or else made at the start. A pair
 * that does not fit together (a rotation caught half-way) is reported once, and the former one stays.
 */
import { hostname } from "node:os";
import type { Clock, Timer } from "../clock/clock.ts";
import { credentialFile } from "../kube/credential-file.ts";
import { pairFault } from "../kube/credentials.ts";
import { EvenkeelError } from "../kube/errors.ts";
import { selfSigned, type TlsKeyPair } from "./certificate.ts";

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

interface ServingCertificateOptions {
  /** Absent: one is made, which encrypts and proves nothing. */
  readonly files: CertificateFiles | undefined;
  readonly clock: Clock;
  /** Told of each new trouble with the files, once. */
  readonly onRefused: (error: EvenkeelError) => void;
  /** Told of each time that the files are read. */
  readonly onRead?: (isGood: boolean) => void;
}

/** Source: controller-runtime pkg/certwatcher, ten seconds. */
const EVERY_MS = 10_000;
const DAY_MS = 86_400_000;
/** No client can hold it against anything, so nothing is gained by making it anew. */
const SELF_SIGNED_DAYS = 3_650;

export class ServingCertificate {
  readonly #options: ServingCertificateOptions;
  readonly #handlers = new Set<(material: TlsKeyPair) => void>();
  #current: TlsKeyPair;
  #trouble: string | undefined;
  #timer: Timer | undefined;

  /** @throws EvenkeelError FILE_NOT_FOUND or FLAG_INVALID when the files cannot be used */
  static async load(options: ServingCertificateOptions): Promise<ServingCertificate> {
    const { files, clock } = options;
    return new ServingCertificate(options, files === undefined ? made(clock) : await counted(files, options));
  }

  private constructor(options: ServingCertificateOptions, current: TlsKeyPair) {
    this.#options = options;
    this.#current = current;
    if (options.files !== undefined) this.#timer = options.clock.after(EVERY_MS, this.#look);
  }

  get current(): TlsKeyPair {
    return this.#current;
  }

  /** @returns what ends it. */
  onChange(handler: (material: TlsKeyPair) => void): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  close(): void {
    this.#timer?.cancel();
    this.#handlers.clear();
  }

  readonly #look = (): void => {
    const { files, clock } = this.#options;
    if (files === undefined) return;
    this.#timer = clock.after(EVERY_MS, this.#look);
    counted(files, this.#options).then(
      (pair) => this.#take(pair),
      (error: unknown) => this.#complain(error),
    );
  };

  #take(next: TlsKeyPair): void {
    this.#trouble = undefined;
    if (next.cert === this.#current.cert && next.key === this.#current.key) return;
    this.#current = next;
    for (const handler of this.#handlers) handler(next);
  }

  #complain(error: unknown): void {
    if (!(error instanceof EvenkeelError) || error.message === this.#trouble) return;
    this.#trouble = error.message;
    this.#options.onRefused(error);
  }
}

async function counted(
  files: CertificateFiles,
  { onRead = () => {} }: Pick<ServingCertificateOptions, "onRead">,
): Promise<TlsKeyPair> {
  try {
    const pair = await read(files);
    onRead(true);
    return pair;
  } catch (error) {
    onRead(false);
    throw error;
  }
}

async function read({ certFile, keyFile }: CertificateFiles): Promise<TlsKeyPair> {
  const [cert, key] = await Promise.all([
    credentialFile(certFile, "certificate of /metrics"),
    credentialFile(keyFile, "private key of /metrics"),
  ]);
  const fault = pairFault(cert, key);
  if (fault !== undefined)
    throw new EvenkeelError("FLAG_INVALID", `${certFile} and ${keyFile} are no certificate and its key (${fault})`);
  return { cert, key };
}

function made(clock: Clock): TlsKeyPair {
  const now = clock.wall();
  return selfSigned({
    commonName: "evenkeel",
    names: ["localhost", hostname(), "127.0.0.1"],
    // Clocks differ.
    notBefore: now - DAY_MS,
    notAfter: now + SELF_SIGNED_DAYS * DAY_MS,
  });
}
