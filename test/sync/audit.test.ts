/** Sums of hashes can be collided by a patient member; the audit finds what they hide, and repairs it. */
import { describe, expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Bound } from "../../src/core/ports.ts";
import { auditHash } from "../../src/protocol/sync/audit.ts";
import { endBound, firstBound } from "../../src/protocol/sync/position.ts";
import { digest, others, Puppet } from "./puppet.ts";
import { stampOf } from "./reference-replica.ts";
import { epochMs, type Node, World } from "./world.ts";

const hour = 3_600_000;
const minute = 60_000;

/** Sums of this replica tell nothing: any two sets of one size collide. */
function weaken(node: Node): void {
  const { replica } = node;
  replica.summary = (namespace: string, from: Bound, to: Bound) => ({
    count: replica.items(namespace, from, to, Number.POSITIVE_INFINITY).length,
    sum: new Uint8Array(32),
  });
}

function fill(nodes: readonly Node[], count: number): void {
  for (const { replica } of nodes) {
    for (let index = 0; index < count; index++) {
      replica.write("main", `k${index}`, stampOf(epochMs - hour - index));
    }
  }
}

function collided(entries: number, differing: readonly number[]): World {
  const world = new World(1, 2);
  fill(world.nodes, entries);
  for (const [side, node] of world.nodes.entries()) {
    weaken(node);
    for (const index of differing) {
      // one entry each that the other lacks, at nearly the same place
      node.replica.write("main", `${side}-${index}`, stampOf(epochMs - hour - index, side + 1));
    }
  }
  world.connect(world.node(0), world.node(1));
  return world;
}

describe("an audit", () => {
  test("finds entries under collided sums, which sessions alone take for equal for ever", () => {
    const world = collided(3_000, [7, 1_500, 2_999]);
    world.run(40_000);
    expect(world.node(0).seen("equal").length).toBeGreaterThan(0);
    expect(world.equal()).toBe(false);
    expect(world.runUntil(() => world.equal(), 15 * minute)).toBe(true);
    const differed = world.nodes
      .flatMap((node) => node.seen("audited"))
      .filter(({ same }) => !same);
    expect(differed.length).toBeGreaterThanOrEqual(2);
    expect(world.nodes.flatMap((node) => node.seen("charge"))).toEqual([]);
  });

  test("goes on where the last one stopped, in bounded slices", () => {
    const slices = limits.syncAuditSlices;
    const entries = limits.syncAuditEntries * (slices + 1);
    const world = collided(entries, []);
    world.run(4 * minute);
    const asked = world.sent.flatMap(({ frame, from, session }) =>
      frame.kind === "audit" && from === world.node(0).name ? [{ ...frame, session }] : [],
    );
    const bySession = Map.groupBy(asked, ({ session }) => session);
    const [first = [], second = []] = [...bySession.values()];
    expect(first.length).toBe(slices);
    expect(second[0]?.from).toEqual(first.at(-1)?.to);
    expect(asked.every(({ count }) => count <= limits.syncAuditEntries)).toBe(true);
    expect(new Set(asked.map(({ salt }) => salt.join())).size).toBe(bySession.size);
  });

  test("is rare", () => {
    const world = collided(100, []);
    world.run(30 * minute);
    for (const node of world.nodes) {
      expect(node.seen("audited").length).toBeLessThanOrEqual(30 / 0.75);
      expect(node.seen("audited").length).toBeGreaterThan(5);
    }
  });
});

describe("a slice", () => {
  const [peer = ""] = others;
  const salt = new Uint8Array(16).fill(3);

  type Change = { readonly count?: number; readonly salt?: Uint8Array; readonly later?: true };

  function asked({ later, ...change }: Change): boolean | undefined {
    const puppet = new Puppet();
    for (let key = 0; key < 20; key++)
      puppet.replica.write("main", `k${key}`, stampOf(epochMs - key));
    const items = puppet.replica.items("main", firstBound, endBound, 100);
    puppet.accept(-1, peer);
    puppet.hello(-1, { main: digest(20) });
    const hash = auditHash(salt, items);
    const frame = {
      from: later ? items[5]! : firstBound,
      to: endBound,
      count: 20,
      salt,
      hash,
      ...change,
    };
    puppet.frame(-1, { kind: "audit", namespace: "main", ...frame });
    const answer = puppet.lastSent(-1);
    return answer.kind === "audited" ? answer.same : undefined;
  }

  test("is the same only with the same entries under the same salt", () => {
    expect(asked({})).toBe(true);
    expect(asked({ count: 19 })).toBe(false);
    expect(asked({ salt: new Uint8Array(16) })).toBe(false);
    expect(asked({ later: true })).toBe(false);
  });

  test("is answered only when it is asked for, and not by who asked nothing", () => {
    const puppet = new Puppet();
    puppet.replica.write("main", "k", stampOf(epochMs));
    puppet.up(peer);
    puppet.handle({ kind: "opened", session: 1 });
    puppet.hello(1, { main: digest(1) });
    puppet.frame(1, { kind: "audited", namespace: "main", same: true });
    expect([puppet.aborted(1), puppet.charged()]).toEqual(["REFUSED", "REFUSED"]);
  });
});
