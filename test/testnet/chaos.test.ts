import { expect, test } from "vitest";
import { drawFaults } from "../../testnet/draw.ts";
import type { BookType } from "../../testnet/workload/books.ts";
import { patient, startTestnet } from "./testnet.ts";

type Report = {
  readonly faults: readonly { readonly line: string; readonly error: string | null }[];
  readonly convergedMs: number | null;
  readonly lost: readonly unknown[];
  readonly members: { readonly dissents: readonly unknown[] };
  readonly writes: Readonly<Record<"acknowledged" | BookType, number>>;
  readonly after: readonly { readonly index: number }[];
};

test(
  "after chaos every node has what was acknowledged, and nothing is broken any more",
  patient,
  async () => {
    const testnet = await startTestnet(3);
    const words = ["--seed", "10", "--for", "2s", "--rate", "120"];
    const report = await testnet.json<Report>("chaos", ...words);
    const drawn = drawFaults({ seed: 10, nodes: 3, forMs: 2_000, perMinute: 120 });
    expect(report.faults).toHaveLength(drawn.length);
    expect(report.faults.filter(({ error }) => error !== null)).toEqual([]);
    expect(report.lost).toEqual([]);
    expect(report.convergedMs).toBeLessThan(60_000);
    expect(report.members.dissents).toEqual([]);
    expect(report.writes.acknowledged).toBeGreaterThan(20);
    for (const type of ["register", "counter", "set"] as const) {
      expect(report.writes[type], type).toBeGreaterThan(0);
    }
    expect(report.after.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(testnet.record).toMatchObject({ partition: null, oneWay: [], links: [] });
  },
);
