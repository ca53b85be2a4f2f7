import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, encodeUtf8, Writer } from "../../src/core/codec.ts";
import { identityFromSeed, sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import { acceptEvent, encodeEvent, topicFault } from "../../src/protocol/gossip/event.ts";

const network = sha256(encodeUtf8("a network"));
const alice = identityFromSeed(sha256(encodeUtf8("alice")));
const nowMs = 1_800_000_000_000;
const salt = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function encoded(topic = "topic", data = encodeUtf8("data"), sentAtMs = nowMs): Uint8Array {
  return encodeEvent({ topic, data, sentAtMs }, network, alice, salt);
}

function verdictOf(bytes: Uint8Array, wallMs = nowMs, on = network): string {
  const result = acceptEvent(bytes, on, wallMs);
  return "event" in result ? "accept" : result.verdict;
}

describe("an event", () => {
  test("is accepted with its topic, author, time and data, whatever they are", () => {
    const topic = fc
      .string({ unit: "binary", minLength: 1, maxLength: 30 })
      .filter((text) => topicFault(text) === undefined);
    const property = fc.property(topic, fc.uint8Array({ maxLength: 300 }), (name, data) => {
      expect(acceptEvent(encoded(name, data), network, nowMs)).toEqual({
        event: { topic: name, author: alice.peer, sentAtMs: nowMs, data },
      });
    });
    fc.assert(property, { numRuns: 100 });
  });

  test("may have the largest topic and data", () => {
    const topic = "t".repeat(limits.eventTopicBytesMax);
    expect(verdictOf(encoded(topic, new Uint8Array(limits.eventBytesMax)))).toBe("accept");
    expect(verdictOf(encoded(topic, new Uint8Array(limits.eventBytesMax + 1)))).toBe("reject");
    expect(verdictOf(encoded(`${topic}t`))).toBe("reject");
    expect(verdictOf(encoded(""))).toBe("reject");
  });

  test("with any one bit changed is rejected, and so is one cut short or with bytes too many", () => {
    const bytes = encoded();
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      expect(verdictOf(damaged)).toBe("reject");
    }
    for (let length = 0; length < bytes.length; length++) {
      expect(verdictOf(bytes.subarray(0, length))).toBe("reject");
    }
    expect(verdictOf(concatBytes(bytes, Uint8Array.of(0)))).toBe("reject");
  });

  test("of garbage is rejected and nothing worse", () => {
    const property = fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.boolean(),
      (tail, headed) => {
        const bytes = headed ? concatBytes(Uint8Array.of(1), network, alice.publicKey, tail) : tail;
        expect(verdictOf(bytes)).toBe("reject");
      },
    );
    fc.assert(property, { numRuns: 1_000 });
  });

  test("of another network, or signed by another, is rejected", () => {
    expect(verdictOf(encoded(), nowMs, sha256(encodeUtf8("another network")))).toBe("reject");
    const bob = identityFromSeed(sha256(encodeUtf8("bob")));
    const body = encoded().subarray(0, -64);
    const message = new Writer().u8(13).text("coterie/event").bytes(body).finish();
    expect(verdictOf(concatBytes(body, alice.sign(message)))).toBe("accept");
    expect(verdictOf(concatBytes(body, bob.sign(message)))).toBe("reject");
    expect(verdictOf(concatBytes(body, alice.sign(body)))).toBe("reject");
  });

  test("is ignored when it is older than a minute or further than that in the future: clocks are nobody's fault", () => {
    for (const [sentAtMs, verdict] of [
      [nowMs - 60_000, "accept"],
      [nowMs - 60_001, "ignore"],
      [nowMs + 60_000, "accept"],
      [nowMs + 60_001, "ignore"],
      [0, "ignore"],
      [2 ** 52, "ignore"],
    ] as const) {
      expect(verdictOf(encoded("t", new Uint8Array(0), sentAtMs))).toBe(verdict);
    }
  });
});

describe("the topic of an event", () => {
  test.each([
    ["a name", true],
    ["ümläut", true],
    ["t".repeat(128), true],
    ["", false],
    ["t".repeat(129), false],
    ["é".repeat(65), false],
    ["\ud800", false],
  ])("%j can be one: %s", (topic, can) => {
    expect(topicFault(topic) === undefined).toBe(can);
  });
});
