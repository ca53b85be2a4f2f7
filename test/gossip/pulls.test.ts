/** Which peer is asked for which announced body, and what becomes of those who do not give it. */
import { describe, expect, test } from "vitest";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { PeerName } from "../../src/core/ports.ts";
import { PullBodies } from "../../src/protocol/gossip/pull-bodies.ts";
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
} from "../../src/protocol/gossip/pull-frames.ts";
import { bodyName, type PullEffect, Pulls } from "../../src/protocol/gossip/pulls.ts";
import { codedError } from "../coded-error.ts";

function bodyOf(index: number, size = 100): Uint8Array {
  const body = new Uint8Array(size).fill(index);
  new DataView(body.buffer).setUint32(0, index);
  return body;
}

/** A machine, what it did, and whom it may ask for a body. */
class Bench {
  readonly effects: PullEffect[] = [];
  readonly pulls = new Pulls((effect) => this.effects.push(effect));
  nowMs = 1_000;

  want(body: Uint8Array, sources: readonly PeerName[], from = sources[0]!): boolean {
    const hash = sha256(body);
    const wanted = { hash, size: body.length, from, sources: () => sources };
    return this.pulls.want(wanted, this.nowMs);
  }

  answer(peer: PeerName, body: Uint8Array | undefined): void {
    for (const frame of encodeAnswer(body)) this.pulls.frame(peer, frame, this.nowMs);
  }

  /** Lets time pass as a timer would. */
  pass(ms: number): void {
    const endMs = this.nowMs + ms;
    for (;;) {
      const nextMs = this.pulls.tick(this.nowMs);
      if (nextMs > endMs) break;
      this.nowMs = Math.max(nextMs, this.nowMs + 1);
    }
    this.nowMs = endMs;
  }

  seen<K extends PullEffect["kind"]>(kind: K): Extract<PullEffect, { kind: K }>[] {
    return this.effects.filter(
      (effect): effect is Extract<PullEffect, { kind: K }> => effect.kind === kind,
    );
  }

  get asked(): PeerName[] {
    return this.seen("ask").map(({ peer }) => peer);
  }
}

describe("a body", () => {
  test("is asked for once, of the first that announced it, and is done when it is there", () => {
    const bench = new Bench();
    const body = bodyOf(1, 200_000);
    expect(bench.want(body, ["a", "b", "c"])).toBe(true);
    expect(bench.want(body, ["a", "b", "c"])).toBe(false);
    bench.pass(500);
    bench.answer("a", body);
    expect(bench.asked).toEqual(["a"]);
    const [done] = bench.seen("done");
    expect(done?.name).toBe(bodyName(sha256(body)));
    expect(sha256(done?.body ?? new Uint8Array(0))).toEqual(sha256(body));
    expect(bench.pulls.size).toBe(0);
  });

  test("is asked of the next within a second of silence, and the silent one rests", () => {
    const bench = new Bench();
    const body = bodyOf(1);
    bench.want(body, ["a", "b"]);
    bench.pass(limits.pullAnswerMs - 1);
    expect(bench.asked).toEqual(["a"]);
    bench.pass(10);
    expect(bench.asked).toEqual(["a", "b"]);
    expect(bench.seen("drop").map(({ peer }) => peer)).toEqual(["a"]);
    bench.answer("b", body);
    bench.want(bodyOf(2), ["a", "b"]);
    expect(bench.asked.at(-1)).toBe("b");
    bench.pass(limits.pullRestMs);
    bench.want(bodyOf(3), ["a", "b"]);
    expect(bench.asked.at(-1)).toBe("a");
  });

  test("is asked of a peer that announces it only later", () => {
    const bench = new Bench();
    const sources = ["a"];
    bench.want(bodyOf(1), sources);
    bench.answer("a", undefined);
    sources.push("b");
    bench.pass(100);
    expect(bench.asked).toEqual(["a", "b"]);
  });

  test("that nobody gives is given up, and nobody waits for ever", () => {
    const bench = new Bench();
    bench.want(bodyOf(1), ["a", "b"]);
    bench.answer("a", undefined);
    bench.answer("b", undefined);
    bench.pass(limits.pullAnswerMs + 10);
    expect(bench.seen("done")).toMatchObject([{ body: undefined }]);
    expect(bench.seen("charge")).toEqual([]);
  });

  test("that trickles is given up by its deadline", () => {
    const bench = new Bench();
    const size = 4 * limits.syncFrameBytesMax;
    bench.want(bodyOf(1, size), ["a"]);
    const [first] = encodeAnswer(bodyOf(1, size));
    bench.pulls.frame("a", first!, bench.nowMs);
    bench.pass(limits.pullMsMax + size / 256 + 10);
    expect(bench.seen("done")).toMatchObject([{ body: undefined }]);
    expect(bench.seen("drop").length).toBe(1);
  });

  test("of a peer whose stream broke is asked of the next at once", () => {
    const bench = new Bench();
    bench.want(bodyOf(1), ["a", "b"]);
    bench.pulls.lost("a", bench.nowMs);
    expect(bench.asked).toEqual(["a", "b"]);
  });
});

describe("charged are", () => {
  test("another body than was asked for", () => {
    const bench = new Bench();
    bench.want(bodyOf(1), ["a", "b"]);
    bench.answer("a", bodyOf(2));
    expect(bench.seen("charge")).toMatchObject([{ peer: "a", error: { code: "BAD_FORMAT" } }]);
    expect(bench.asked).toEqual(["a", "b"]);
    expect(bench.seen("done")).toEqual([]);
  });

  test("more bytes than were announced, before they are kept", () => {
    const bench = new Bench();
    bench.want(bodyOf(1, 100), ["a"]);
    bench.answer("a", bodyOf(1, 101));
    expect(bench.seen("charge")).toMatchObject([{ peer: "a", error: { code: "TOO_LARGE" } }]);
  });

  test("answers that nobody asked for, and bytes that are none", () => {
    const bench = new Bench();
    bench.answer("a", bodyOf(1));
    bench.pulls.frame("b", Uint8Array.of(9), bench.nowMs);
    bench.pulls.frame("c", new Uint8Array(0), bench.nowMs);
    const codes = bench.seen("charge").map(({ peer, error }) => `${peer} ${error.code}`);
    expect(codes).toEqual(["a REFUSED", "b BAD_FORMAT", "c BAD_FORMAT"]);
    expect(bench.seen("drop").length).toBe(3);
  });
});

describe("room", () => {
  test("is bounded by number, by bytes, and by who announced", () => {
    const bench = new Bench();
    let index = 0;
    while (bench.want(bodyOf(index), ["a"])) index++;
    expect(index).toBe(limits.pullsPerPeerMax);
    while (bench.want(bodyOf(index, 1 << 20), ["b"])) index++;
    expect(index - limits.pullsPerPeerMax).toBe(limits.pullsPerPeerBytesMax >> 20);
    for (let peer = 0; peer < 1_000; peer++) bench.want(bodyOf(++index, 1_000), [`p${peer}`]);
    expect(bench.pulls.size).toBe(limits.pullsMax);
    bench.pass(60_000);
    expect(bench.pulls.size).toBe(0);
    expect(bench.want(bodyOf(++index), ["c"])).toBe(true);
  });

  test("on the way is bounded to one peer and to all; what waits follows as answers come", () => {
    const bench = new Bench();
    for (let index = 0; index < 20; index++) bench.want(bodyOf(index), ["a"]);
    expect(bench.asked.length).toBe(limits.pullsAtOncePerPeerMax);
    for (let peer = 0; peer < 50; peer++) bench.want(bodyOf(100 + peer), [`p${peer}`]);
    expect(bench.asked.length).toBe(limits.pullsAtOnceMax);
    bench.answer("a", bodyOf(0));
    expect(bench.asked.length).toBe(limits.pullsAtOnceMax + 1);
  });
});

describe("a kept body", () => {
  test("is given to each peer once, for a while", () => {
    const bodies = new PullBodies();
    bodies.keep("x", bodyOf(1), 0);
    const given = (peer: PeerName, nowMs: number): boolean =>
      bodies.give("x", peer, nowMs) !== undefined;
    expect([given("a", 1), given("a", 2), given("b", 3)]).toEqual([true, false, true]);
    expect(given("c", limits.bodyKeptMs)).toBe(false);
    expect(bodies.bytes).toBe(0);
  });

  test("makes room for later ones", () => {
    const bodies = new PullBodies();
    for (let index = 0; index < 20; index++) bodies.keep(`${index}`, bodyOf(index, 1 << 20), 0);
    expect(bodies.bytes).toBe(limits.bodiesBytesMax);
    expect(bodies.give("0", "a", 1)).toBe(undefined);
    expect(bodies.give("19", "a", 1)).toBeDefined();
    for (let index = 0; index < limits.bodiesMax + 9; index++)
      bodies.keep(`s${index}`, bodyOf(1), 1);
    expect(bodies.bytes).toBe(limits.bodiesMax * 100);
  });
});

test("frames are read as they are written, and others refused", async () => {
  for (const size of [1, limits.syncFrameBytesMax - 1, limits.syncFrameBytesMax, 200_000]) {
    const frames = encodeAnswer(bodyOf(1, Math.max(4, size)));
    expect(frames.every(({ length }) => length <= limits.syncFrameBytesMax)).toBe(true);
    const read = frames.map(decodeAnswer);
    expect(read.map((answer) => answer.kind === "piece" && answer.last)).toEqual(
      frames.map((_, index) => index === frames.length - 1),
    );
  }
  expect(decodeAnswer(Uint8Array.of(0))).toEqual({ kind: "gone" });
  for (const bad of [[], [0, 1], [1, 5], [3]]) {
    await codedError(() => decodeAnswer(Uint8Array.from(bad)), "BAD_FORMAT");
  }
  await codedError(() => decodeRequest(new Uint8Array(31)), "BAD_FORMAT");
});
