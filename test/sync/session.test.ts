/** What a session between two honest nodes does, and what it costs. */
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Frame } from "../../src/protocol/sync/frames.ts";
import { sessionBound } from "../../src/protocol/sync/hello.ts";
import { endBound } from "../../src/protocol/sync/position.ts";
import { digest, others, Puppet } from "./puppet.ts";
import { encodeEntry, stampOf } from "./reference-replica.ts";
import { epochMs, type Node, World } from "./world.ts";

const hour = 3_600_000;

function pair(seed = 1): [World, Node, Node] {
  const world = new World(seed, 2);
  return [world, world.node(0), world.node(1)];
}

function fill(nodes: readonly Node[], count: number, name = "k"): void {
  for (const { replica } of nodes) {
    for (let index = 0; index < count; index++) {
      replica.write("main", `${name}${index}`, stampOf(epochMs - hour - index));
    }
  }
}

function kinds(world: World): Frame["kind"][] {
  return world.sent.map(({ frame }) => frame.kind);
}

describe("cost", () => {
  test("without a difference a session is two frames, and both sides know that they are equal", () => {
    const [world, a, b] = pair();
    fill([a, b], 500);
    world.connect(a, b);
    world.run(1_000);
    expect(kinds(world)).toEqual(["hello", "hello"]);
    expect([a.seen("equal").length, b.seen("equal").length]).toEqual([1, 1]);
    expect(a.sync.status()).toMatchObject({ lastEqualAt: epochMs + 3, sessions: 1, active: 0 });
  });

  test("one fresh entry on either side takes three round trips", () => {
    const [world, a, b] = pair();
    fill([a, b], 20);
    world.write(a, "main", "from a");
    world.write(b, "main", "from b");
    world.connect(a, b);
    world.run(1_000);
    expect(kinds(world).join(" ")).toBe("hello hello neg neg data want data end bye");
    expect(world.equal()).toBe(true);
    expect([a.seen("equal").length, b.seen("equal").length]).toEqual([1, 1]);
    const { report } = a.seen("report")[0]!;
    expect(report).toMatchObject({
      opened: true,
      brought: 1,
      sent: 1,
      equal: true,
      code: undefined,
    });
  });

  test("a namespace that one side lacks is sent without ids, whoever opened", () => {
    for (const index of [0, 1]) {
      const [world, a, b] = pair();
      fill([world.node(index)], 10);
      world.connect(a, b);
      world.run(1_000);
      expect(world.equal()).toBe(true);
      expect(kinds(world)).not.toContain("neg");
    }
  });

  test("newer entries are applied before older ones are compared", () => {
    const [world, a, b] = pair();
    fill([a, b], 600);
    // the old entries are scattered differences, until the new ones are there and they are gone
    for (let index = 0; index < 25; index++) world.write(a, "main", `k${index * 24}`);
    world.connect(a, b);
    world.run(1_000);
    expect(world.equal()).toBe(true);
    const wanted = world.sent.flatMap(({ frame }) => (frame.kind === "want" ? frame.places : []));
    expect(wanted.length).toBeLessThan(3);
  });
});

describe("clocks", () => {
  test("what is newer than the slower clock allows stays out, and the rest counts as equal", () => {
    const [world, ahead, behind] = pair();
    behind.skewMs = -5 * 60_000;
    fill([ahead, behind], 20);
    world.write(ahead, "main", "fresh");
    world.write(behind, "main", "also fresh");
    world.connect(ahead, behind);
    world.run(5_000);
    expect(ahead.replica.contents().length).toBe(22);
    expect(behind.replica.contents().length).toBe(21);
    expect(behind.replica.held).toBe(0);
    expect(ahead.seen("equal").length).toBeGreaterThan(0);
    expect(ahead.seen("report").length).toBeLessThan(4);
    expect(world.runUntil(() => world.equal(), 6 * 60_000)).toBe(true);
  });

  test("each side learns how far the other's clock is off", () => {
    const [world, a, b] = pair();
    world.delayMs = () => 20;
    b.skewMs = 30_000;
    world.connect(a, b);
    world.run(1_000);
    expect(a.seen("clock")[0]?.offsetMs).toBe(30_000);
    expect(b.seen("clock")[0]?.offsetMs).toBe(-30_020);
  });

  test("what was held back is applied before a session begins, and not fetched again", () => {
    for (const holds of [0, 1]) {
      const [world, a, b] = pair();
      const bundle = bundleOf({
        namespace: "main",
        key: "early",
        stamp: stampOf(epochMs + 70_000),
        value: new Uint8Array(8),
      });
      for (const [index, { replica }] of [a, b].entries()) {
        replica.ingest(bundle, a.name, index === holds ? epochMs : epochMs + 20_000);
        expect(replica.held).toBe(index === holds ? 1 : 0);
      }
      world.nowMs = 15_000;
      world.connect(a, b);
      world.run(1_000);
      expect(world.equal()).toBe(true);
      expect(kinds(world)).toEqual(["hello", "hello"]);
    }
  });
});

function bundleOf(entry: Parameters<typeof encodeEntry>[0]): Uint8Array {
  const [world, a] = pair();
  a.replica.write(entry.namespace, entry.key, entry.stamp, entry.value);
  const items = a.replica.items(entry.namespace, sessionBound(world.wallMs(a) + hour), endBound, 1);
  return a.replica.bundles(entry.namespace, items, 1_000).bundles[0]!;
}

describe("hello", () => {
  const [peer = ""] = others;

  test("members that were heard of are passed on, the latest ones first", () => {
    const puppet = new Puppet();
    puppet.heard = others.map((member, index) => ({ member, ageMs: 999 + index * 1_000 }));
    puppet.accept(-1, peer);
    puppet.hello(-1);
    const hello = puppet.lastSent(-1);
    if (hello.kind !== "hello") throw new Error(`expected a hello, got ${hello.kind}`);
    expect(hello.heard.map(({ ageSeconds }) => ageSeconds).toSorted((a, b) => a - b)).toEqual(
      others.map((_, index) => index + 1),
    );
    const listener = new Puppet();
    listener.accept(-1, peer);
    listener.frame(-1, hello);
    const heard = listener.seen("heard").map(({ member, ageMs }) => ({ member, ageMs }));
    expect(heard.toSorted((a, b) => a.ageMs - b.ageMs)).toEqual(
      others.map((member, index) => ({ member, ageMs: (index + 1) * 1_000 })),
    );
  });
});

describe("refusals", () => {
  test("an entry that is refused is not fetched again at once, and other entries still come", () => {
    const [world, a, b] = pair();
    fill([a, b], 20);
    a.replica.refuse = ({ key }) => key.startsWith("bad");
    fill([b], 3, "bad");
    fill([b], 3, "good");
    world.connect(a, b);
    world.run(25_000);
    expect(a.replica.contents().length).toBe(23);
    const wants = (): number =>
      world.sent.filter(({ frame }) => frame.kind === "want" && frame.places.length > 0).length;
    expect(wants()).toBe(1);
    expect(a.sync.status()).toMatchObject({ missingTwice: 0, lastEqualAt: null });
    world.run(10 * 60_000);
    expect(wants()).toBeGreaterThan(1);
    expect(wants()).toBeLessThan(8);
    expect(a.sync.status().missingTwice).toBeGreaterThan(0);
  });
});

describe("limits", () => {
  test("no more than eight sessions at a time; the next are told to come later, and do", () => {
    const world = new World(1, 14);
    world.delayMs = () => 40;
    fill(world.nodes, 50);
    for (const [index, node] of world.nodes.entries()) fill([node], 5, `own${index}-`);
    const hub = world.nodes.at(-1)!;
    let most = 0;
    for (const node of world.nodes) if (node !== hub) world.connect(node, hub);
    expect(
      world.runUntil(() => {
        most = Math.max(most, hub.sync.status().active);
        return world.equal();
      }, 60_000),
    ).toBe(true);
    expect(most).toBe(limits.syncSessionsMax);
    const busy = world.sent.filter(({ frame }) => frame.kind === "bye" && frame.reason === "busy");
    expect(busy.length).toBeGreaterThan(0);
    expect(world.nodes.flatMap((node) => node.seen("charge"))).toEqual([]);
  });

  test("over a slow link sessions end by themselves before they are cut off, and the next goes on", () => {
    for (const index of [0, 1]) {
      const [world, a, b] = pair();
      fill([world.node(index)], 25_000);
      world.bytesPerMs = 8;
      world.connect(a, b);
      expect(world.runUntil(() => world.equal(), 5 * 60_000)).toBe(true);
      expect(world.nowMs).toBeGreaterThan(limits.syncSessionMsMax);
      const codes = a.seen("report").map(({ report }) => report.code);
      expect(codes.every((code) => code === undefined)).toBe(true);
    }
  });
});

describe("who opens, and when", () => {
  const [peer = "", second = ""] = others;

  test("the smaller id at once; the other when nothing comes", () => {
    const [world, a, b] = pair();
    world.connect(a, b);
    world.run(1_000);
    expect([a.seen("open").length, b.seen("open").length]).toEqual([1, 0]);
    const [deaf, , waiting] = pair(2);
    deaf.feed(waiting, { kind: "peer", peer: deaf.node(0).name, up: true });
    deaf.run(1_900);
    expect(waiting.seen("open").length).toBe(0);
    deaf.run(200);
    expect(waiting.seen("open").length).toBe(1);
  });

  test("about every fifteen seconds with a neighbour at random", () => {
    const world = new World(5, 4);
    world.connectAll();
    world.run(5_000);
    const before = world.node(0).seen("open").length;
    world.run(150_000);
    const opens = world.node(0).seen("open").slice(before);
    expect(opens.length).toBeGreaterThanOrEqual(8);
    expect(opens.length).toBeLessThanOrEqual(14);
    expect(new Set(opens.map(({ peer: to }) => to)).size).toBe(3);
  });

  test("a stream that cannot be opened is tried again, ever more rarely", () => {
    const puppet = new Puppet();
    puppet.up(peer);
    const times: number[] = [];
    while (times.length < 6) {
      times.push(puppet.nowMs);
      puppet.handle({ kind: "failed", session: puppet.seen("open").at(-1)!.session });
      const opens = puppet.seen("open").length;
      while (puppet.seen("open").length === opens) puppet.pass(100);
    }
    const pauses = times.slice(1).map((time, index) => time - times[index]!);
    expect(pauses[0]).toBeLessThan(1_100);
    expect(pauses.at(-1)).toBeGreaterThan(8 * pauses[0]! - 1_000);
  });

  test("connections that come and go do not delay what follows", () => {
    const [world, a, b] = pair();
    for (let round = 0; round < 9; round++) {
      world.connect(a, b);
      world.run(2);
      world.disconnect(a, b);
      world.run(100);
    }
    world.write(b, "main", "news");
    world.connect(a, b);
    expect(world.runUntil(() => world.equal(), 50)).toBe(true);
  });

  test("who broke the rules does not shake that off by connecting again", () => {
    const puppet = new Puppet();
    puppet.up(peer);
    puppet.handle({ kind: "failed", session: 1 });
    puppet.accept(-1, peer);
    puppet.handle({ kind: "frame", session: -1, bytes: Uint8Array.of(0) });
    puppet.handle({ kind: "peer", peer, up: false });
    puppet.up(peer);
    expect(puppet.seen("open").length).toBe(1);
    puppet.pass(5_000);
    expect(puppet.seen("open").length).toBe(2);
  });

  test("of two neighbours that hold the same news, one is asked", () => {
    const puppet = new Puppet();
    puppet.up(peer);
    puppet.up(second);
    for (const session of [1, 2]) {
      puppet.handle({ kind: "opened", session });
      puppet.hello(session, { main: digest(3) });
    }
    expect(puppet.sent(1).map(({ kind }) => kind)).toEqual(["hello", "stream"]);
    expect(puppet.sent(2).map(({ kind }) => kind)).toEqual(["hello"]);
  });
});
