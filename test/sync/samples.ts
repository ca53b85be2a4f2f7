/** One frame of each kind, as the vectors hold them. */
import type { Frame } from "../../src/protocol/sync/frames.ts";

function run(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => from + index);
}

const fingerprint = run(16, 0x10);
const digest = { count: 300, fingerprint };

export const sampleFrames: Readonly<Record<string, Frame>> = {
  hello: {
    kind: "hello",
    wallMs: 1_800_000_000_000,
    digests: [
      { namespace: "main", ...digest },
      { namespace: "sys", count: 1, fingerprint: run(16, 0x30) },
    ],
    heard: [{ key: run(32, 0x40), ageSeconds: 75 }],
  },
  helloOfNothing: { kind: "hello", wallMs: 0, digests: [], heard: [] },
  neg: { kind: "neg", namespace: "main", hold: true, message: Uint8Array.of(0x61, 0, 0, 2, 0) },
  want: { kind: "want", namespace: "main", places: [1, 2, 300] },
  stream: {
    kind: "stream",
    namespace: "main",
    from: { ts: 0x0102030405060708n, id: Uint8Array.of(9, 10) },
    windowBytes: 1_048_576,
  },
  data: { kind: "data", parts: [Uint8Array.of(1, 2, 3), Uint8Array.of(4)], more: false },
  dataThatGoesOn: { kind: "data", parts: [Uint8Array.of(5)], more: true },
  endOfWant: { kind: "end", namespace: "main", digest, dealt: 2, next: undefined },
  endOfStream: {
    kind: "end",
    namespace: "main",
    digest,
    dealt: 0,
    next: { ts: 7n, id: run(32, 3) },
  },
  offer: { kind: "offer", namespace: "main" },
  ack: { kind: "ack", namespace: "main", hold: false, digest },
  hint: { kind: "hint", asOfMs: 1_799_999_999_000, root: fingerprint },
  byeEqual: { kind: "bye", reason: "equal", root: fingerprint },
  byeDifferent: { kind: "bye", reason: "different", root: undefined },
  audit: {
    kind: "audit",
    namespace: "main",
    salt: run(16, 0x60),
    from: { ts: 7n, id: run(2, 3) },
    to: { ts: 2n ** 64n - 1n, id: run(0, 0) },
    count: 1_024,
    hash: fingerprint,
  },
  audited: { kind: "audited", namespace: "main", same: true },
  byeBusy: { kind: "bye", reason: "busy", root: undefined },
};
