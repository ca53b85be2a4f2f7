/** Who is asked about members that gave no sign. */
import type { Random } from "../../core/ports.ts";
import { compareDistance, type Keyed } from "./watchers.ts";

/** The one closest to it, which keeps a connection to it, and one by chance, whom nobody could choose beforehand. */
export function intermediaries<Member extends Keyed>(
  target: Uint8Array,
  candidates: readonly Member[],
  random: Random,
): Member[] {
  const sorted = candidates.toSorted((a, b) => compareDistance(a.key, b.key, target));
  return [...sorted.slice(0, 1), ...drawn(sorted.slice(1), 1, random)];
}

/** So many of them by chance, or as many as there are. */
export function drawn<Member>(
  from: readonly Member[],
  count: number,
  random: Random,
): readonly Member[] {
  const left = [...from];
  const chosen: Member[] = [];
  while (chosen.length < count && left.length > 0) {
    chosen.push(...left.splice(Math.floor(random.float() * left.length), 1));
  }
  return chosen;
}
