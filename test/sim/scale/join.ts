import { limits } from "../../../src/core/limits.ts";
import type { Prng } from "../prng.ts";
import { randomGraph } from "./graph.ts";
import type { World } from "./world.ts";

/** Members come one after the other, as those of a testnet do; the meshes that form depend on it. */
const joinMs = 800;
const joinMsMax = 20_000;

/** Runs the world until all have joined, and made those of their connections that `isMade` allows. */
export function join(
  world: World,
  prng: Prng,
  isMade: (dialler: number, other: number) => boolean = () => true,
): void {
  const options = { wanted: limits.connectionsWanted, max: limits.connectionsMax };
  const allMs = Math.min(world.size * joinMs, joinMsMax);
  for (const [dialler, other] of randomGraph(world.size, options, prng)) {
    const atMs = ((dialler + prng.float()) / world.size) * allMs;
    if (isMade(dialler, other)) world.agenda.after(atMs, () => world.connect(dialler, other));
  }
  world.agenda.run(allMs);
}
