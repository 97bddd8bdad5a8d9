/** A self-signed certificate, written in DER by hand: Node reads certificates, but makes none. Source: RFC 5280. */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { isIPv4 } from "node:net";

/** Certificate and private key (PKCS #8) in PEM. */
export interface TlsKeyPair {
  readonly cert: string;
  readonly key: string;
}

interface SelfSignedOptions {
  readonly commonName: string;
  /** DNS names and IPv4 addresses that it is for. */
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** P-256; its own authority. Each call makes a new key. */
export function selfSigned({ commonName, names, notBefore, notAfter }: SelfSignedOptions): TlsKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(oid(0x55, 4, 3), der(UTF8_STRING, Buffer.from(commonName)))));
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ecdsaWithSha256,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(basicConstraints, alternativeNames(names))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ecdsaWithSha256, der(BIT_STRING, Buffer.from([0]), signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
  };
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const TRUE = Buffer.from([0x01, 0x01, 0xff]);

function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(body.length)]), body]);
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}

function sequence(...content: readonly Buffer[]): Buffer {
  return der(0x30, ...content);
}

function set(...content: readonly Buffer[]): Buffer {
  return der(0x31, ...content);
}

function integer(value: Buffer): Buffer {
  return der(INTEGER, value);
}

/** Positive, without a leading zero byte, and of more than 64 random bits. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** Two digits of the year until 2049, four from 2050 on. */
function time(epochMs: number): Buffer {
  const digits = new Date(epochMs).toISOString().replace(/\.\d+/, "").replaceAll(/[-T:]/g, "");
  return digits < "2050" ? der(UTC_TIME, Buffer.from(digits.slice(2))) : der(GENERALIZED_TIME, Buffer.from(digits));
}

/** The bytes as they are encoded: no OID here needs more than one of them per number. */
function oid(...bytes: readonly number[]): Buffer {
  return der(0x06, Buffer.from(bytes));
}

function octets(content: Buffer): Buffer {
  return der(OCTET_STRING, content);
}

const ecdsaWithSha256 = sequence(der(0x06, Buffer.from("2a8648ce3d040302", "hex")));

/** A CA, critical: whoever trusts this certificate trusts nothing else by it. */
const basicConstraints = sequence(oid(0x55, 0x1d, 0x13), TRUE, octets(sequence(TRUE)));

function alternativeNames(names: readonly string[]): Buffer {
  const encoded = names.map((name) =>
    isIPv4(name) ? der(0x87, Buffer.from(name.split(".").map(Number))) : der(0x82, Buffer.from(name)),
  );
  return sequence(oid(0x55, 0x1d, 0x11), octets(sequence(...encoded)));
}
