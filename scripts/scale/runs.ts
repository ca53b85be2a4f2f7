/** The simulated runs of one size. */
import { putBytes } from "./calibration.ts";
import { runDetect, type DetectResult } from "../../test/sim/scale/detect.ts";
import { healAffordable, runHeal, type HealResult } from "../../test/sim/scale/heal.ts";
import { linkProfiles } from "../../test/sim/scale/links.ts";
import { runSpread, type SpreadResult } from "../../test/sim/scale/spread.ts";

export type ScaleRow = {
  readonly nodes: number;
  readonly lan: SpreadResult;
  readonly wan: SpreadResult;
  readonly detect: DetectResult;
  /** Undefined where real states in every node are too many. */
  readonly heal: HealResult | undefined;
  readonly tookMs: number;
  readonly rssMiB: number;
};

export const workload = { writes: 40, writesPerSecond: 2, messageBytes: putBytes };
/** Above this a node knows only the members that matter to it. */
export const fullRosterMax = 300;
const detection = { victims: 3, idleMs: 10_000, stallsMs: 30_000 };

export function runSize(nodes: number, seed: number, say: (what: string) => void): ScaleRow {
  const startedAt = performance.now();
  const spread = (links: (typeof linkProfiles)[keyof typeof linkProfiles]): SpreadResult => {
    say(`${nodes} nodes: ${workload.writes} writes, ${links.name}`);
    return runSpread({ nodes, seed, links, ...workload });
  };
  const lan = spread(linkProfiles.lan);
  const wan = spread(linkProfiles.wan);
  say(`${nodes} nodes: membership, ${linkProfiles.wan.name}`);
  const fullRoster = nodes <= fullRosterMax;
  const detect = runDetect({ nodes, seed, links: linkProfiles.wan, fullRoster, ...detection });
  let heal: HealResult | undefined;
  if (nodes <= healAffordable.nodes) {
    say(`${nodes} nodes: heal of an even split, ${linkProfiles.wan.name}`);
    heal = runHeal({ nodes, seed, links: linkProfiles.wan, writesPerSide: 100 });
  }
  const tookMs = Math.round(performance.now() - startedAt);
  const rssMiB = Math.round(process.memoryUsage.rss() / 2 ** 20);
  return { nodes, lan, wan, detect, heal, tookMs, rssMiB };
}
