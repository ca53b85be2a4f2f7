import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { acceptBundle } from "../../src/protocol/state/bundle.ts";
import type { Entry } from "../../src/protocol/state/entry.ts";
import { forkKey, forkProof } from "../../src/protocol/state/fork-proof.ts";
import { makeBatch, network, register, stampOf, testWriter, wallMs } from "./fixture.ts";
import { ForkingNode, settle } from "./forking-node.ts";

describe("an equivocator", () => {
  const mallory = testWriter("mallory");
  const pair = (seqs: readonly [bigint, bigint], keys = ["x", "y"], writer = mallory) =>
    keys.map((key, index) => {
      const prev = new Uint8Array(32).fill(seqs[index] === 1n ? 0 : 7);
      const stamp = stampOf(wallMs, seqs[0] === seqs[1] ? 10 + index : 10);
      return makeBatch({ writer, seq: seqs[index]!, prev, stamp, entries: [register(key, key)] });
    });

  test.each([
    ["one sequence number", [3n, 3n], ["x", "y"]],
    ["one stamp", [3n, 4n], ["x", "y"]],
    ["one key, where the second wins", [3n, 3n], ["x", "x"]],
  ] as const)("is shown by whoever saw both: %s", (_, seqs, keys) => {
    const [both, half, none] = ["both", "half", "none"].map((name) => new ForkingNode(name));
    const [one, other] = pair(seqs, [...keys]);
    both!.take(one!.bundle());
    expect(both!.state.dutiesDue()).toBe("never");
    both!.take(other!.bundle());
    expect(both!.state.dutiesDue()).toBe("soon");
    half!.take(other!.bundle());
    settle(both!, half!, none!);
    for (const node of [both!, half!, none!]) {
      expect(node.fork("mallory")).toBe("equivocator");
      expect(node.proofs()).toEqual([forkKey(one!.writer)]);
    }
  });

  test("is shown when both come in one transaction, and when the second is dead on arrival", () => {
    const [one, other] = pair([3n, 3n], ["x", "x"]);
    for (const bundles of [[[other!, one!]], [[other!], [one!]], [[one!, other!]]]) {
      const node = new ForkingNode("a");
      for (const group of bundles) node.take(...group.map((each) => each.bundle()));
      node.perform();
      expect(node.fork("mallory")).toBe("equivocator");
    }
  });

  test("is proven once: who learns of the proof before it has written its own writes none", () => {
    const [one, other] = [new ForkingNode("one"), new ForkingNode("other")];
    const bundles = pair([3n, 3n]).map((each) => each.bundle());
    for (const node of [one, other]) node.take(...bundles);
    one.perform();
    other.take(...one.wrote);
    other.perform();
    expect([one.wrote.length, other.wrote.length]).toEqual([1, 0]);
    expect(other.state.dutiesDue()).toBe("never");
  });

  test("costs a node one proof a writer, and some an author at most", () => {
    const node = new ForkingNode("a");
    for (let nonce = 1; nonce <= 2 * limits.forkProofsPerAuthorMax; nonce++) {
      const writer = testWriter("mallory", nonce);
      for (let round = 0; round < 3; round++) {
        const keys = [`${nonce} ${round} x`, `${nonce} ${round} y`];
        node.take(...pair([3n, 3n], keys, writer).map((each) => each.bundle()));
        node.perform();
      }
    }
    expect(node.proofs()).toHaveLength(limits.forkProofsPerAuthorMax);
    expect(node.fork("mallory")).toBe("equivocator");
  });

  test("closes one writer in vain when another one of its own is proven to have forked", () => {
    const node = new ForkingNode("a");
    const second = testWriter("mallory", 2);
    node.take(...pair([3n, 3n]).map((each) => each.bundle()));
    node.take(...pair([3n, 3n], ["x", "y"], second).map((each) => each.bundle()));
    node.perform();
    const key = (nonce: number) =>
      `members/${mallory.identity.peer}/closed/${toHex(testWriter("mallory", nonce).nonce)}`;
    const close = (nonce: number) =>
      makeBatch({
        writer: testWriter("mallory", 3),
        namespace: "sys",
        entries: [register(key(nonce), "")],
      });
    node.take(close(1).bundle());
    expect(node.fork("mallory")).toBe("equivocator");
    node.take(close(2).bundle());
    expect(node.fork("mallory")).toBe("forked");
  });
});

describe("what looks like a proof", () => {
  const alice = testWriter("alice");
  const [one, other] = ["x", "y"].map((key, index) =>
    makeBatch({ writer: alice, stamp: stampOf(wallMs, index + 1), entries: [register(key, key)] }),
  );
  const proof = forkProof(one!.writer, [one!, other!]);
  const refusals = (entry: Entry): readonly string[] => {
    const batch = makeBatch({ writer: testWriter("b"), namespace: "sys", entries: [entry] });
    return acceptBundle(batch.bundle(), network).refusals;
  };

  test("is accepted when it is one, whichever header is named first", () => {
    expect(refusals(proof)).toEqual([]);
    expect(forkProof(one!.writer, [other!, one!])).toEqual(proof);
  });

  test("is refused otherwise, and nobody overwrites or deletes a proof", () => {
    const later = makeBatch({
      writer: alice,
      seq: 2n,
      prev: one!.hash,
      stamp: stampOf(wallMs, 9),
      entries: [register("z")],
    });
    const unsigned = { ...other!, signature: one!.signature };
    const elsewhere = makeBatch({ writer: alice, namespace: "n", entries: [register("z")] });
    const stranger = { ...alice, network: new Uint8Array(32) };
    const foreign = makeBatch({
      writer: alice,
      network: stranger.network,
      entries: [register("z")],
    });
    const body = proof.body!;
    const bad: Entry[] = [
      { ...proof, body: undefined },
      { ...proof, expires: 2n ** 60n },
      { ...proof, type: "multi" },
      { ...proof, class: 2 },
      { ...proof, key: forkKey(testWriter("bob").identity.publicKey) },
      { ...proof, key: forkKey(new Uint8Array(40)) },
      { ...proof, key: proof.key.toUpperCase().replace("FORKS", "forks") },
      { ...proof, body: body.subarray(0, -1) },
      { ...proof, body: Uint8Array.from([...body, 0]) },
      { ...proof, body: Uint8Array.from([1, ...body.subarray(1)]) },
      forkProof(one!.writer, [one!, one!]),
      forkProof(one!.writer, [one!, later]),
      forkProof(one!.writer, [one!, unsigned]),
      forkProof(one!.writer, [one!, elsewhere]),
      forkProof(one!.writer, [one!, foreign]),
      register("forks/", "x"),
      register("forks/x", "x"),
    ];
    for (const entry of bad) expect(refusals(entry)).toHaveLength(1);
    const half = body.length / 2 - 0.5;
    const swapped = [0, ...body.subarray(1 + half), ...body.subarray(1, 1 + half)];
    expect(refusals({ ...proof, body: Uint8Array.from(swapped) })).toHaveLength(1);
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const changed = body.slice();
        changed[at]! ^= change;
        expect(refusals({ ...proof, body: changed })).toHaveLength(1);
      }),
      { numRuns: 200 },
    );
  });

  test("against the writer of now makes a node take a new nonce, and a former one is closed", () => {
    const node = new ForkingNode("a");
    const own = (nonce: Uint8Array) => {
      const hand = { ...testWriter("a"), nonce };
      const batches = ["x", "y"].map((key) =>
        makeBatch({ writer: hand, entries: [register(key)] }),
      );
      const entry = forkProof(batches[0]!.writer, [batches[0]!, batches[1]!]);
      return makeBatch({ writer: testWriter("b"), namespace: "sys", entries: [entry] }).bundle();
    };
    const { writer } = node;
    node.take(own(node.state.writer.slice(32)));
    expect(node.closed).toEqual([writer]);
    node.take(own(new Uint8Array(8).fill(9)));
    node.perform();
    expect(node.closed).toEqual([writer]);
    expect(node.fork("a")).toBe("forked");
  });
});
