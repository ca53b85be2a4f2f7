/** The suite of `npm run partition` in its shortest form. */
import { expect, test } from "vitest";
import { Field } from "../../scripts/partition/field.ts";
import { planOf, type Kind } from "../../scripts/partition/kinds.ts";
import type { Outage } from "../../scripts/partition/outages.ts";
import { runRound } from "../../scripts/partition/round.ts";
import { findingText } from "../../scripts/partition/table.ts";
import { seeded } from "../../testnet/draw.ts";
import { patient, startTestnet } from "../testnet/testnet.ts";

const count = 4;
const rounds: readonly { readonly kind: Kind; readonly outage?: Outage }[] = [
  { kind: "full", outage: "kill" },
  { kind: "asymmetric" },
  { kind: "bridge" },
];

test(
  "after each kind of partition all exports are equal, and nothing acknowledged is lost or back",
  patient,
  async () => {
    const { dir } = await startTestnet(count);
    const field = new Field(dir);
    const random = seeded(1);
    for (const [at, { kind, outage }] of rounds.entries()) {
      const round = await runRound({
        field,
        namespace: "partition",
        prefix: `r${at}/`,
        plan: planOf(kind, count, random),
        outage,
        forMs: 1_000,
        writes: 60,
        random,
        heal: () => field.run("heal"),
      });
      expect(round.findings.map(findingText)).toEqual([]);
      expect(round.equalMs).toBeLessThan(60_000);
      expect(round.acknowledged).toBeGreaterThan(60);
      expect(await round.check()).toEqual([]);
    }
  },
);
