import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../../src/core/codec.ts";
import { sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import { decodeBundleMessage, encodeBundleMessage } from "../../src/protocol/gossip/message.ts";
import { eventsTopic, namespaceOfTopic, stateTopic } from "../../src/protocol/gossip/topics.ts";

const network = sha256(encodeUtf8("a network"));

describe("a message on a namespace's topic", () => {
  test("carries a bundle behind one byte of kind", () => {
    const bundle = Uint8Array.of(1, 2, 3);
    expect(encodeBundleMessage(bundle)).toEqual(Uint8Array.of(1, 1, 2, 3));
    expect(decodeBundleMessage(Uint8Array.of(1, 1, 2, 3))).toEqual(bundle);
  });

  test("of another kind, or of none, is no bundle", () => {
    expect(decodeBundleMessage(new Uint8Array(0))).toBeUndefined();
    for (const kind of [0, 2, 3, 255]) {
      expect(decodeBundleMessage(Uint8Array.of(kind, 1, 2))).toBeUndefined();
    }
  });

  test("is not made of a bundle that does not fit", () => {
    const largest = new Uint8Array(limits.gossipMessageBytesMax - 1);
    expect(encodeBundleMessage(largest)).toHaveLength(limits.gossipMessageBytesMax);
    expect(encodeBundleMessage(new Uint8Array(limits.gossipMessageBytesMax))).toBeUndefined();
  });
});

describe("topics", () => {
  test("name network and namespace, and give the namespace back", () => {
    for (const namespace of ["default", "sys", "a-b"]) {
      expect(namespaceOfTopic(network, stateTopic(network, namespace))).toBe(namespace);
    }
  });

  test("of events and of other networks have no namespace", () => {
    expect(namespaceOfTopic(network, eventsTopic(network))).toBeUndefined();
    const elsewhere = sha256(encodeUtf8("another network"));
    expect(namespaceOfTopic(network, stateTopic(elsewhere, "default"))).toBeUndefined();
    expect(namespaceOfTopic(network, "default")).toBeUndefined();
  });
});
