/** Who is asked about a member that gave no sign. */
import type { Random } from "../../core/ports.ts";
import { compareDistance, type Keyed } from "./watchers.ts";

/** The one closest to it, which keeps a connection to it, and one by chance, whom nobody could choose beforehand. */
export function intermediaries<Member extends Keyed>(
  target: Uint8Array,
  candidates: readonly Member[],
  random: Random,
): Member[] {
  const [first, ...rest] = candidates.toSorted((a, b) => compareDistance(a.key, b.key, target));
  const chance = rest[Math.floor(random.float() * rest.length)];
  return [first, chance].filter((member) => member !== undefined);
}
