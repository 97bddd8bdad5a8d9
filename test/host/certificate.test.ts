import assert from "node:assert/strict";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { suite, test } from "node:test";
import { selfSigned } from "../../runtime/host/certificate.ts";

const options = {
  commonName: "evenkeel",
  names: ["localhost", "pod-1", "127.0.0.1"],
  notBefore: Date.UTC(2026, 0, 1),
  notAfter: Date.UTC(2036, 0, 1),
};

suite("a self-signed certificate", () => {
  test("is signed by its own key and says whose and for what it is", () => {
    const { cert, key } = selfSigned(options);
    const read = new X509Certificate(cert);
    assert.ok(read.verify(read.publicKey) && read.checkPrivateKey(createPrivateKey(key)));
    assert.deepEqual([read.subject, read.issuer, read.ca], ["CN=evenkeel", "CN=evenkeel", true]);
    assert.equal(read.subjectAltName, "DNS:localhost, DNS:pod-1, IP Address:127.0.0.1");
    assert.equal(read.checkHost("pod-1"), "pod-1");
  });

  for (const [name, notAfter] of [
    ["in this half of the century", Date.UTC(2036, 1, 29, 1, 2, 3)],
    ["to the last second of UTCTime", Date.UTC(2049, 11, 31, 23, 59, 59)],
    ["beyond it", Date.UTC(2050, 0, 1)],
  ] as const)
    test(`ends when it should: ${name}`, () => {
      const { validFromDate, validToDate } = new X509Certificate(selfSigned({ ...options, notAfter }).cert);
      assert.deepEqual([validFromDate.getTime(), validToDate.getTime()], [options.notBefore, notAfter]);
    });

  test("has a serial number of its own: positive, and shorter than 20 bytes", () => {
    const serials = Array.from({ length: 20 }, () => new X509Certificate(selfSigned(options).cert).serialNumber);
    assert.equal(new Set(serials).size, 20);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{31}$/);
  });
});
