/** The law of the room: whatever the states, the interleaving and the losses, nodes that can talk end up equal. */
import { fc, test } from "./property.ts";
import { describe, expect, test as plain } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { stampOf } from "./reference-replica.ts";
import { epochMs, type Node, World } from "./world.ts";

const hour = 3_600_000;
const namespaces = ["main", "sys", "tasks"];

/** A write of the past: node, namespace, key and age. */
const pastWrite = fc.record({
  node: fc.nat(3),
  namespace: fc.constantFrom(...namespaces),
  key: fc.nat(60),
  ageMs: fc.nat(hour),
});
/** What happens while they talk. */
const incident = fc.record({
  atMs: fc.nat(8_000),
  node: fc.nat(3),
  other: fc.nat(3),
  kind: fc.constantFrom("write", "write", "cut", "join"),
  key: fc.nat(60),
});

function play(
  world: World,
  { node, other, kind, key }: { node: number; other: number; kind: string; key: number },
): void {
  const nodes = world.nodes;
  const one = nodes[node % nodes.length]!;
  const two = nodes[other % nodes.length]!;
  if (kind === "write") world.write(one, namespaces[key % 3]!, `k${key}`);
  else if (one === two) return;
  else if (kind === "cut") world.disconnect(one, two);
  else world.connect(one, two);
}

test(
  [
    fc.record({
      seed: fc.nat(),
      nodes: fc.integer({ min: 2, max: 4 }),
      past: fc.array(pastWrite, { maxLength: 250 }),
      incidents: fc.array(incident, { maxLength: 40 }),
      skews: fc.array(fc.integer({ min: -20_000, max: 20_000 }), { minLength: 4, maxLength: 4 }),
      breaks: fc.constantFrom(0, 0.02, 0.2),
      delayMs: fc.constantFrom(1, 40, 300),
    }),
  ],
  "nodes become equal, whatever they held, wrote meanwhile, and lost on the way",
  { numRuns: 150 },
  ({ seed, nodes, past, incidents, skews, breaks, delayMs }) => {
    const world = new World(seed, nodes);
    world.delayMs = () => world.random.float() * delayMs;
    world.breaks = breaks;
    for (const [index, node] of world.nodes.entries()) node.skewMs = skews[index]!;
    for (const { node, namespace, key, ageMs } of past) {
      const { replica } = world.node(node % nodes);
      replica.write(namespace, `k${key}`, stampOf(epochMs - ageMs, node));
    }
    world.connectAll();
    for (const each of incidents) world.after(each.atMs, () => play(world, each));
    world.run(8_000);
    world.breaks = 0;
    world.connectAll();
    expect(world.runUntil(() => world.equal(), 120_000)).toBe(true);
    expect(world.runUntil(() => quiet(world), 2 * limits.syncSessionMsMax)).toBe(true);
    for (const node of world.nodes) expect(node.seen("charge")).toEqual([]);
  },
);

function quiet(world: World): boolean {
  return world.nodes.every(({ sync }) => sync.status().active === 0);
}

/** Fills a node with entries of an age, each `bytes` long. */
function fill(
  node: Node,
  count: number,
  options: { bytes?: number; ageMs?: number; name?: string } = {},
): void {
  const { bytes = 16, ageMs = hour, name = "k" } = options;
  for (let index = 0; index < count; index++) {
    const value = new Uint8Array(bytes).fill(index);
    node.replica.write("main", `${name}${index}`, stampOf(epochMs - ageMs - index), value);
  }
}

describe("large states", () => {
  plain("an empty node takes a whole state in windows, without ids, and both know it", () => {
    const world = new World(1, 2);
    const [full, empty] = [world.node(0), world.node(1)];
    fill(full, 8_000, { bytes: 400 });
    world.connect(full, empty);
    expect(world.runUntil(() => empty.seen("equal").length > 0, 20_000)).toBe(true);
    expect(world.equal()).toBe(true);
    const kinds = world.sent.map(({ frame }) => frame.kind);
    expect(kinds.filter((kind) => kind === "neg" || kind === "want")).toEqual([]);
    expect(kinds.filter((kind) => kind === "stream").length).toBeGreaterThan(3);
  });

  plain("a bulk transfer that breaks goes on where it stopped, whoever opened the session", () => {
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      const world = new World(2, 2);
      const [full, empty] = [world.node(from), world.node(to)];
      fill(full, 8_000, { bytes: 400 });
      world.connect(full, empty);
      const windows = (): number => world.sent.filter(({ frame }) => frame.kind === "end").length;
      world.runUntil(() => windows() === 2, 5_000);
      world.run(1);
      const before = world.sent.length;
      world.disconnect(full, empty);
      world.connect(full, empty);
      expect(world.runUntil(() => world.equal(), 20_000)).toBe(true);
      const again = world.sent
        .slice(before)
        .flatMap(({ frame }) => (frame.kind === "stream" ? [frame] : []));
      expect(again[0]?.from.id.length).toBe(32);
      const data = world.sent.reduce(
        (sum, { frame, bytes }) => (frame.kind === "data" ? sum + bytes : sum),
        0,
      );
      expect(data).toBeLessThan(8_000 * 500 * 1.4);
    }
  });

  plain("of entries that were overwritten, the old ones are not searched for", () => {
    const world = new World(4, 2);
    const [a, b] = [world.node(0), world.node(1)];
    for (const node of world.nodes) fill(node, 10_000);
    for (let key = 0; key < 100; key++) {
      world.write(a, "main", `k${key * 100}`);
      world.write(b, "main", `k${key * 100 + 50}`);
    }
    world.connect(a, b);
    expect(world.runUntil(() => world.equal(), 10_000)).toBe(true);
    const bytes = world.sent.reduce(
      (sum, { frame, bytes: size }) => (frame.kind === "neg" ? sum + size : sum),
      0,
    );
    expect(bytes).toBeLessThan(200 * 100);
  });

  plain("two large states with differences everywhere become equal", () => {
    const world = new World(3, 2);
    for (const node of world.nodes) fill(node, 6_000);
    for (const [index, node] of world.nodes.entries()) {
      for (let key = 0; key < 6_000; key += 37) {
        world.write(node, "main", `k${key + index}`);
      }
      fill(node, 1_500, { name: `own${index}-`, bytes: 1_000 });
    }
    world.connectAll();
    expect(world.runUntil(() => world.equal(), 30_000)).toBe(true);
  });
});
