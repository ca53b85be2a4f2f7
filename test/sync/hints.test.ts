/** How news that came by reconciliation reach everybody else: by hints, quickly, about once, and without a storm. */
import { describe, expect, test } from "vitest";
import { digestsOf, rootOf } from "../../src/protocol/sync/digests.ts";
import { notAfter } from "../../src/protocol/sync/position.ts";
import { digest, others, Puppet } from "./puppet.ts";
import { encodeBundle, encodeEntry, ReferenceReplica, stampOf } from "./reference-replica.ts";
import { epochMs, type Node, World } from "./world.ts";

const hour = 3_600_000;

function write(nodes: readonly Node[], count: number, name: string, ageMs: number): void {
  for (const { replica } of nodes) {
    for (let index = 0; index < count; index++) {
      replica.write("main", `${name}${index}`, stampOf(epochMs - ageMs - index));
    }
  }
}

/** Forgets what happened so far. */
function clear(world: World): void {
  world.sent.length = 0;
  for (const node of world.nodes) node.effects.length = 0;
}

function sum(world: World, field: "brought" | "sent"): number {
  const reports = world.nodes.flatMap((node) => node.seen("report"));
  return reports.reduce((total, { report }) => total + report[field], 0);
}

describe("a healed cut", () => {
  test("one new connection is enough for all, and every entry crosses to each node about once", () => {
    const world = new World(1, 10);
    world.delayMs = () => 2 + world.random.float() * 8;
    const [left, right] = [world.nodes.slice(0, 5), world.nodes.slice(5)];
    write(world.nodes, 300, "common", hour);
    write(left, 200, "left", 10_000);
    write(right, 200, "right", 10_000);
    for (const side of [left, right]) {
      for (const [index, a] of side.entries())
        for (const b of side.slice(index + 1)) world.connect(a, b);
    }
    world.run(5_000);
    clear(world);
    world.connect(left[0]!, right[0]!);
    expect(world.runUntil(() => world.equal(), 1_000)).toBe(true);
    world.run(5_000);
    expect(sum(world, "brought")).toBe(10 * 200);
    expect(sum(world, "sent")).toBeLessThan(10 * 200 * 1.2);
  });

  test("all connections at once neither multiply the traffic nor delay it", () => {
    const world = new World(2, 10);
    world.delayMs = () => 2 + world.random.float() * 8;
    const [left, right] = [world.nodes.slice(0, 5), world.nodes.slice(5)];
    write(world.nodes, 300, "common", hour);
    write(left, 200, "left", 10_000);
    write(right, 200, "right", 10_000);
    world.connectAll();
    expect(world.runUntil(() => world.equal(), 2_000)).toBe(true);
    world.run(10_000);
    expect(sum(world, "sent")).toBeLessThan(10 * 200 * 1.5);
  });

  test("news too young to be told from gossip on its way are hinted at once they have settled", () => {
    const world = new World(3, 3);
    const [a, b, c] = [world.node(0), world.node(1), world.node(2)];
    world.connect(b, c);
    world.run(5_000);
    world.write(a, "main", "young");
    world.connect(a, b);
    expect(world.runUntil(() => world.equal(), 3_000)).toBe(true);
    expect(c.seen("open").length + b.seen("open").length).toBeLessThan(5);
  });
});

describe("a hint", () => {
  const [peer = "", other = ""] = others;

  /** A machine that was found equal with its two neighbours. */
  function settled(): Puppet {
    const puppet = new Puppet();
    for (const [index, name] of [peer, other].entries()) {
      puppet.up(name);
      puppet.handle({ kind: "opened", session: index + 1 });
      puppet.hello(index + 1);
    }
    puppet.pass(10);
    return puppet;
  }

  function rootOfAll(replica: ReferenceReplica): Uint8Array {
    return rootOf(digestsOf(replica, notAfter(epochMs)));
  }

  test("that matches is left at that; one that differs leads to a session with its sender", () => {
    const puppet = settled();
    puppet.accept(-1, other);
    puppet.frame(-1, { kind: "hint", asOfMs: epochMs, root: rootOfAll(puppet.replica) });
    expect(puppet.seen("open").length).toBe(2);
    puppet.accept(-2, other);
    puppet.frame(-2, { kind: "hint", asOfMs: epochMs, root: new Uint8Array(16) });
    expect(puppet.seen("open").slice(2)).toMatchObject([{ peer: other }]);
  });

  test("waits for a session that is bringing entries, and may have come true by then", () => {
    const puppet = settled();
    const entry = {
      namespace: "main",
      key: "k",
      stamp: stampOf(epochMs),
      value: new Uint8Array(8),
    };
    const full = new ReferenceReplica();
    full.write(entry.namespace, entry.key, entry.stamp, entry.value);
    puppet.accept(-1, peer);
    puppet.hello(-1, { main: digest(1) });
    puppet.frame(-1, { kind: "offer", namespace: "main" });
    expect(puppet.lastSent(-1).kind).toBe("stream");
    puppet.accept(-2, other);
    puppet.frame(-2, { kind: "hint", asOfMs: epochMs, root: rootOfAll(full) });
    const data = encodeBundle([encodeEntry(entry)]);
    puppet.frame(-1, { kind: "data", parts: [data], more: false });
    const done = { namespace: "main", digest: digest(1), dealt: 0, next: undefined };
    puppet.frame(-1, { kind: "end", ...done });
    puppet.handle({ kind: "closed", session: -1 });
    puppet.pass(5_000);
    expect(puppet.seen("report").at(-1)?.report.brought).toBe(1);
    // only our own hint to the other, who may not know yet
    const kinds = puppet
      .seen("open")
      .slice(2)
      .map(({ session }) => {
        puppet.handle({ kind: "opened", session });
        return puppet.lastSent(session).kind;
      });
    expect(kinds).toEqual(["hint", "hint"]);
  });
});

test("a change that gossip does not carry is hinted at", () => {
  const world = new World(4, 2);
  const [a, b] = [world.node(0), world.node(1)];
  world.connect(a, b);
  world.run(5_000);
  a.replica.write("main", "imported", stampOf(epochMs));
  world.feed(a, { kind: "changed" });
  expect(world.runUntil(() => world.equal(), 500)).toBe(true);
});

test("under steady writes that gossip carries, hints and retries stay few", () => {
  const world = new World(5, 6);
  world.delayMs = () => 1 + world.random.float() * 4;
  world.connectAll();
  let count = 0;
  const tick = (): void => {
    const node = world.node(count % 6);
    const stamp = stampOf(world.wallMs(node), count);
    // keys come round again, so that old entries vanish all the time
    const entry = { namespace: "main", key: `k${count++ % 200}`, stamp, value: new Uint8Array(8) };
    node.replica.write(entry.namespace, entry.key, stamp, entry.value);
    const bundle = encodeBundle([encodeEntry(entry)]);
    for (const other of world.nodes) {
      world.after(20 + world.random.float() * 150, () => {
        other.replica.ingest(bundle, node.name, world.wallMs(other));
      });
    }
    if (world.nowMs < 90_000) world.after(30, tick);
  };
  tick();
  world.run(60_000);
  clear(world);
  world.run(30_000);
  const sessions = world.nodes.flatMap((node) => node.seen("report")).length / 2;
  // six nodes: two of the regular sessions per second and five
  expect(sessions).toBeLessThan(6 * 30);
  const hints = world.sent.filter(({ frame }) => frame.kind === "hint").length;
  expect(hints).toBeLessThan(6 * 5 * 10);
  expect(world.runUntil(() => world.equal(), 30_000)).toBe(true);
});
