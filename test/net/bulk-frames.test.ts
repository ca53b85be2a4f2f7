import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeCertificate } from "../../src/host/net/bulk-certificate.ts";
import {
  decodeAnswer,
  decodeAsk,
  encodeAnswer,
  encodeAsk,
  type Answer,
  type Ask,
} from "../../src/host/net/bulk-frames.ts";
import { systemRandom } from "../../src/host/random.ts";
import { codedError } from "../coded-error.ts";

const fingerprint = new Uint8Array(32).fill(0xaa);
const token = new Uint8Array(32).fill(0xbb);
const [aa, bb] = ["aa".repeat(32), "bb".repeat(32)];

const asks: [string, Ask, string][] = [
  ["a stream", { purpose: "t", fingerprint, hosts: [] }, `0024010174${aa}00`],
  [
    "a socket",
    { purpose: "blocks", fingerprint, hosts: ["127.0.0.1", "::1"] },
    `00370106626c6f636b73${aa}02093132372e302e302e31033a3a31`,
  ],
];
const answers: [string, Answer, string][] = [
  [
    "a socket",
    { kind: "socket", host: 1, port: 0x1234, fingerprint, token },
    `004401011234${aa}${bb}`,
  ],
  ["the stream", { kind: "stream" }, "000102"],
  ["a refusal", { kind: "refused", code: "REFUSED" }, "00020300"],
  ["an overload", { kind: "refused", code: "OVERLOADED" }, "00020301"],
];

test.each(asks)("vector: asking for %s", (_name, ask, hex) => {
  expect(toHex(encodeAsk(ask))).toBe(hex);
  expect(decodeAsk(fromHex(hex).subarray(2))).toEqual(ask);
});

test.each(answers)("vector: an answer of %s", (_name, answer, hex) => {
  expect(toHex(encodeAnswer(answer))).toBe(hex);
  expect(decodeAnswer(fromHex(hex).subarray(2))).toEqual(answer);
});

test.each([
  ["another version", `020174${aa}00`],
  ["a short fingerprint", `010174${"aa".repeat(31)}`],
  ["a purpose over the limit", `0141${"74".repeat(65)}${aa}00`],
  ["five hosts", `010174${aa}05${"033a3a31".repeat(5)}`],
  ["a name for a host", `010174${aa}01096c6f63616c686f7374`],
  ["something behind it", `010174${aa}0000`],
])("an ask with %s is refused", async (_name, hex) => {
  await codedError(() => decodeAsk(fromHex(hex)), "BAD_FORMAT");
});

test.each([
  ["an unknown kind", "04"],
  ["an unknown reason", "0302"],
  ["port 0", `01000000${aa}${bb}`],
  ["a short token", `01001234${aa}${"bb".repeat(31)}`],
  ["something behind it", "0200"],
])("an answer with %s is refused", async (_name, hex) => {
  await codedError(() => decodeAnswer(fromHex(hex)), "BAD_FORMAT");
});

test("a certificate is one that others can read, signed by its own key, valid for a day", () => {
  const { cert, fingerprint: own } = makeCertificate(systemClock, systemRandom);
  const read = new X509Certificate(cert);
  expect(read.verify(read.publicKey)).toBe(true);
  expect(toHex(sha256(read.raw))).toBe(toHex(own));
  const leftMs = Date.parse(read.validTo) - Date.now();
  expect(leftMs).toBeGreaterThan(limits.bulkCertificateMs - 60_000);
  expect(leftMs).toBeLessThanOrEqual(limits.bulkCertificateMs);
  expect(makeCertificate(systemClock, systemRandom).fingerprint).not.toEqual(own);
});
