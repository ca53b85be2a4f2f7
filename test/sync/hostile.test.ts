/** Peers that break the rules, or keep to them and give nothing: each costs a bounded amount, and mostly themselves. */
import { describe, expect, test as plain } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { errorCodes } from "../../src/core/errors.ts";
import { endBound, firstBound } from "../../src/protocol/sync/position.ts";
import { decodeMessage, MessageWriter } from "../../src/protocol/sync/negentropy.ts";
import { encodeFrame } from "../../src/protocol/sync/frames.ts";
import { frames } from "./arbitraries.ts";
import { fc, test } from "./property.ts";
import { digest, others, Puppet } from "./puppet.ts";
import { encodeBundle, encodeEntry, stampOf } from "./reference-replica.ts";
import { epochMs } from "./world.ts";

const [peer = "", other = ""] = others;
const minute = 60_000;

function id(byte: number): Uint8Array {
  return new Uint8Array(32).fill(byte);
}

function entry(key: string, ageMs = minute): Uint8Array {
  const value = new Uint8Array(8);
  return encodeEntry({ namespace: "main", key, stamp: stampOf(epochMs - ageMs), value });
}

/** A machine with some entries, in a session that it opened and the peer greeted. */
function opened(theirs = digest(100)): Puppet {
  const puppet = new Puppet();
  for (let key = 0; key < 100; key++)
    puppet.replica.write("main", `k${key}`, stampOf(epochMs - key));
  puppet.up(peer);
  puppet.handle({ kind: "opened", session: 1 });
  puppet.hello(1, { main: theirs });
  return puppet;
}

/** A machine with some entries, in a session that the peer opened. */
function accepted(theirs = digest(100)): Puppet {
  const puppet = new Puppet();
  for (let key = 0; key < 100; key++)
    puppet.replica.write("main", `k${key}`, stampOf(epochMs - key));
  puppet.accept(-1, peer);
  puppet.hello(-1, { main: theirs });
  return puppet;
}

function listing(ids: readonly Uint8Array[]): Uint8Array {
  const message = new MessageWriter();
  message.ids(firstBound, endBound, ids);
  return message.finish();
}

describe("faults are charged and end the session", () => {
  const garbage = Uint8Array.of(99, 1, 2, 3);
  const neg = { kind: "neg", namespace: "main", hold: false, message: listing([]) } as const;
  const data = { kind: "data", parts: [entry("x")], more: false } as const;
  const end = {
    kind: "end",
    namespace: "main",
    digest: digest(1),
    dealt: 0,
    next: undefined,
  } as const;
  const want = { kind: "want", namespace: "main", places: [1] } as const;

  plain("bytes that are no frame", () => {
    const puppet = accepted();
    puppet.handle({ kind: "frame", session: -1, bytes: garbage });
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["BAD_FORMAT", "BAD_FORMAT"]);
  });

  plain.each([neg, data, end, want])("a session that begins with $kind", (frame) => {
    const puppet = new Puppet();
    puppet.accept(-1, peer);
    puppet.frame(-1, frame);
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });

  plain.each([data, end, want])("to a responder, $kind that answers nothing", (frame) => {
    const puppet = accepted();
    puppet.frame(-1, frame);
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });

  plain.each([data, end, want])("to an initiator that awaits a response, $kind", (frame) => {
    const puppet = opened();
    expect(puppet.lastSent(1).kind).toBe("neg");
    puppet.frame(1, frame);
    expect([puppet.aborted(1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });

  plain("a message with ranges out of order", () => {
    const puppet = opened();
    puppet.frame(1, { ...neg, message: Uint8Array.of(0x61, 5, 0, 0, 1, 0, 0) });
    expect([puppet.aborted(1), puppet.charged()]).toEqual(["BAD_FORMAT", "BAD_FORMAT"]);
  });

  plain("wanting an id that was not listed", () => {
    const puppet = accepted();
    puppet.frame(-1, neg);
    expect(puppet.lastSent(-1).kind).toBe("neg");
    puppet.frame(-1, { ...want, places: [1_000] });
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });

  plain("a bundle that is invalid for everybody", () => {
    const puppet = accepted();
    puppet.frame(-1, neg);
    puppet.frame(-1, { kind: "data", parts: [new Uint8Array(40)], more: false });
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["BAD_FORMAT", "BAD_FORMAT"]);
  });

  plain("pushing where another session brings the same", () => {
    const puppet = accepted();
    puppet.frame(-1, neg);
    puppet.accept(-2, other);
    puppet.hello(-2, { main: digest(100) });
    puppet.frame(-2, neg);
    expect(puppet.lastSent(-2)).toMatchObject({ kind: "neg", hold: true });
    puppet.frame(-2, { kind: "data", parts: [encodeBundle([entry("x")])], more: false });
    expect(puppet.aborted(-2)).toBe("REFUSED");
  });

  plain("a bundle without end", () => {
    const puppet = accepted();
    puppet.frame(-1, neg);
    const part = new Uint8Array(limits.syncFrameBytesMax - 16);
    for (let sent = 0; sent <= limits.syncBundleBytesMax; sent += part.length) {
      expect(puppet.aborted(-1)).toBe(undefined);
      puppet.frame(-1, { kind: "data", parts: [part], more: true });
    }
    expect([puppet.aborted(-1), puppet.charged()]).toEqual(["TOO_LARGE", "TOO_LARGE"]);
  });

  plain("more data than a window holds", () => {
    const puppet = accepted();
    puppet.frame(-1, neg);
    const bundle = encodeBundle([entry("x")]);
    const parts = Array.from({ length: 64 }, () => bundle);
    let count = 0;
    while (puppet.aborted(-1) === undefined && count++ < 10_000) {
      puppet.frame(-1, { kind: "data", parts, more: false });
    }
    expect(puppet.aborted(-1)).toBe("REFUSED");
    const most = limits.syncWindowBytes + limits.syncBundleBytesMax;
    expect(count * 64 * bundle.length).toBeLessThan(most + 65 * bundle.length);
  });

  plain("a stream that does not move", () => {
    const puppet = opened(digest(5_000));
    const stream = puppet.lastSent(1);
    if (stream.kind !== "stream") throw new Error(`expected a stream, got ${stream.kind}`);
    puppet.frame(1, { kind: "data", parts: [encodeBundle([entry("x")])], more: false });
    puppet.frame(1, { ...end, next: stream.from });
    expect([puppet.aborted(1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });
});

describe("peers that give nothing", () => {
  plain("one that never answers is cut off, and tried ever more rarely", () => {
    const puppet = new Puppet();
    puppet.up(peer);
    for (let second = 0; second < 1_800; second++) {
      puppet.pass(1_000);
      const { session = 0 } = puppet.seen("open").at(-1) ?? {};
      if (puppet.sent(session).length === 0) puppet.handle({ kind: "opened", session });
    }
    const tries = puppet.seen("open").length;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(20);
    expect(puppet.seen("abort").every(({ code }) => code === "TIMEOUT")).toBe(true);
    expect(puppet.seen("charge")).toEqual([]);
  });

  plain("one that answers every message with other fingerprints is left after some rounds", () => {
    const puppet = opened();
    let byte = 0;
    for (;;) {
      const frame = puppet.lastSent(1);
      if (frame.kind !== "neg") break;
      const message = new MessageWriter();
      for (const { from, to, mode } of decodeMessage(frame.message)) {
        if (mode !== "skip") message.fingerprint(from, to, new Uint8Array(16).fill(++byte));
      }
      puppet.frame(1, { ...frame, message: message.finish() });
    }
    expect(puppet.lastSent(1)).toMatchObject({ kind: "bye", reason: "different" });
    expect(puppet.sent(1).length).toBeLessThan(limits.syncBarrenRoundsMax + 4);
    expect(puppet.seen("report")[0]?.report.equal).toBe(false);
  });

  plain("one that announces ids and does not deliver is not asked for them again at once", () => {
    const puppet = opened();
    const end = { kind: "end", namespace: "main", digest: digest(100), next: undefined } as const;
    const wanted: number[] = [];
    let session = 1;
    for (let round = 0; round < 3; round++) {
      const ids = [
        ...puppet.replica.items("main", firstBound, endBound, 100).map((item) => item.id),
        id(9),
      ];
      puppet.frame(session, { kind: "neg", namespace: "main", hold: false, message: listing(ids) });
      const frame = puppet.lastSent(session);
      wanted.push(frame.kind === "want" ? frame.places.length : 0);
      if (frame.kind === "want") puppet.frame(session, { ...end, dealt: 1 });
      expect(puppet.lastSent(session)).toMatchObject({ kind: "bye", reason: "different" });
      if (round === 1) puppet.pass(minute);
      const before = puppet.seen("open").length;
      while (puppet.seen("open").length === before) puppet.pass(1_000);
      session = puppet.seen("open").at(-1)!.session;
      puppet.handle({ kind: "opened", session });
      puppet.hello(session, { main: digest(100) });
    }
    expect(wanted).toEqual([1, 0, 1]);
    expect(puppet.sync.status().missingTwice).toBe(1);
  });

  plain("a slow one does not keep a namespace to itself", () => {
    const puppet = opened();
    expect(puppet.lastSent(1).kind).toBe("neg");
    puppet.up(other);
    puppet.handle({ kind: "opened", session: 2 });
    puppet.hello(2, { main: digest(100, 8) });
    expect(puppet.lastSent(2).kind).toBe("hello");
    puppet.pass(3_000);
    expect(puppet.lastSent(2).kind).toBe("neg");
  });

  plain("one that opens streams and says nothing holds two, for ten seconds", () => {
    const puppet = new Puppet();
    for (let session = -1; session >= -5; session--) puppet.accept(session, peer);
    expect(puppet.seen("abort").map(({ session }) => session)).toEqual([-3, -4, -5]);
    puppet.pass(limits.syncAnswerMs);
    expect(puppet.seen("abort").length).toBe(5);
    expect(puppet.sync.status()).toMatchObject({ sessions: 0, active: 0 });
  });

  plain("many that say nothing keep nobody out, whoever opened", () => {
    const [last = "", ...silent] = others;
    const puppet = new Puppet();
    for (const each of silent) puppet.up(each);
    puppet.up(last);
    const waitMs = (reached: () => boolean): number => {
      const beganMs = puppet.nowMs;
      while (!reached() && puppet.nowMs < beganMs + 5 * minute) puppet.pass(100);
      return puppet.nowMs - beganMs;
    };
    const isOpened = (): boolean => puppet.seen("open").some(({ peer: to }) => to === last);
    // four at a time, a second each
    expect(waitMs(isOpened)).toBeLessThan((silent.length / 4) * 1_300);
    // and these claim and fall silent, on every place that there is
    for (const [index, each] of silent.entries()) {
      puppet.accept(-1 - index, each);
      puppet.hello(-1 - index, { main: digest(7) });
    }
    puppet.pass(1_100);
    puppet.accept(-100, last);
    puppet.hello(-100, { main: digest(7) });
    expect(puppet.lastSent(-100).kind).toBe("hello");
    expect(puppet.sync.status().active).toBeLessThanOrEqual(limits.syncSessionsMax);
    expect(puppet.seen("charge")).toEqual([]);
  });

  plain("one that hints without end gets few sessions", () => {
    const puppet = new Puppet();
    puppet.replica.write("main", "k", stampOf(epochMs));
    puppet.up(peer);
    puppet.handle({ kind: "failed", session: 1 });
    for (let second = 0; second < 600; second++) {
      const root = id(second % 256).subarray(0, 16);
      puppet.accept(-1 - second, peer);
      puppet.frame(-1 - second, { kind: "hint", asOfMs: epochMs, root });
      puppet.pass(1_000);
      const { session = 0 } = puppet.seen("open").at(-1) ?? {};
      puppet.handle({ kind: "failed", session });
    }
    expect(puppet.seen("open").length).toBeLessThan(20);
  });
});

plain("a frame of many small entries is taken in slices", () => {
  const puppet = accepted();
  const taken: number[] = [];
  const ingest = puppet.replica.ingestAll.bind(puppet.replica);
  puppet.replica.ingestAll = (bundles, from, nowMs) => {
    const results = ingest(bundles, from, nowMs);
    taken.push(results.reduce((sum, { applied, known }) => sum + applied + known, 0));
    return results;
  };
  puppet.frame(-1, { kind: "neg", namespace: "main", hold: false, message: listing([]) });
  const bundle = (at: number): Uint8Array =>
    encodeBundle(Array.from({ length: 100 }, (_, index) => entry(`${at} ${index}`)));
  for (const from of [0, 15]) {
    const parts = Array.from({ length: 15 }, (_, at) => bundle(from + at));
    const bytes = encodeFrame({ kind: "data", parts, more: false });
    expect(bytes.length).toBeLessThan(limits.syncFrameBytesMax);
    puppet.handle({ kind: "frame", session: -1, bytes });
  }
  expect(taken.length).toBeLessThan(2);
  puppet.pass(0);
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(3_000);
  expect(Math.max(...taken)).toBeLessThanOrEqual(1_024);
});

plain("many that hint without end get few sessions between them", () => {
  const puppet = new Puppet();
  let session = -1;
  for (const each of others) {
    puppet.up(each);
    puppet.accept(session, each);
    puppet.hello(session);
    puppet.handle({ kind: "closed", session });
    session--;
  }
  const answerOpened = (): void => {
    for (const { session: ours } of puppet.seen("open")) {
      if (puppet.sent(ours).length > 0) continue;
      puppet.handle({ kind: "opened", session: ours });
      puppet.hello(ours);
    }
  };
  for (let round = 0; round < 10; round++) {
    answerOpened();
    puppet.pass(100);
  }
  const before = puppet.seen("open").length;
  for (let second = 0; second < 30; second++) {
    for (const [index, each] of others.entries()) {
      puppet.accept(session, each);
      puppet.frame(session--, {
        kind: "hint",
        asOfMs: epochMs,
        root: id(second * 30 + index).subarray(0, 16),
      });
    }
    for (let round = 0; round < 10; round++) {
      answerOpened();
      puppet.pass(100);
    }
  }
  const opens = puppet.seen("open").length - before;
  expect(opens).toBeGreaterThan(8);
  expect(opens).toBeLessThan(20);
});

const known = new Set(Object.keys(errorCodes));

test(
  [fc.array(frames, { maxLength: 12 }), fc.boolean(), fc.integer({ min: 0, max: 2_000 })],
  "no sequence of frames does more than end its session",
  { numRuns: 300 },
  (sequence, ours, pauseMs) => {
    const puppet = ours ? opened() : accepted();
    const session = ours ? 1 : -1;
    for (const frame of sequence) {
      puppet.frame(session, frame);
      puppet.pass(pauseMs);
    }
    puppet.pass(2 * minute);
    const ended = puppet.seen("report").map(({ report }) => report.session);
    expect(ended).toContain(session);
    expect(puppet.seen("abort").every(({ code }) => known.has(code) && code !== "INTERNAL")).toBe(
      true,
    );
  },
);
