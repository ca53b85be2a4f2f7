import { createHash } from "node:crypto";
import { afterAll, expect, test } from "vitest";
import { HashThread } from "../../src/host/hash-thread.ts";
import { codedError } from "../coded-error.ts";

const thread = new HashThread();
afterAll(() => thread.stop());

function filled(length: number, start: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + start) & 0xff);
}

test("digests and bytes come back in order, and the buffer given is empty", async () => {
  const given = Array.from({ length: 9 }, (_, index) => filled(100_000 + index, index));
  const copies = given.map((bytes) => bytes.slice());
  const hashed = await Promise.all(given.map((bytes) => thread.sha256(bytes)));
  for (const [index, { bytes, digest }] of hashed.entries()) {
    expect(Buffer.compare(bytes, copies[index]!)).toBe(0);
    expect(Buffer.from(digest)).toEqual(createHash("sha256").update(copies[index]!).digest());
    expect(digest.buffer.byteLength).toBe(32);
    expect(given[index]!.length).toBe(0);
  }
});

test("a part of a buffer is hashed and comes back as that part", async () => {
  const whole = filled(1_000, 7);
  const { bytes, digest } = await thread.sha256(whole.subarray(100, 300));
  expect([bytes.byteOffset, bytes.length, bytes.buffer.byteLength]).toEqual([100, 200, 1_000]);
  const expected = createHash("sha256").update(filled(1_000, 7).subarray(100, 300)).digest();
  expect(Buffer.from(digest)).toEqual(expected);
});

test("what is asked of a stopped thread is refused", async () => {
  const stopped = new HashThread();
  await stopped.stop();
  await codedError(() => stopped.sha256(filled(10, 0)), "SHUTTING_DOWN");
});
