/** Who watches whom: the watchers of a member are the live members whose keys are closest to its own by XOR. */
import { compareBytes } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";

export type Keyed = { readonly key: Uint8Array };

/** Below zero when `a` is closer to `target` than `b` is. */
export function compareDistance(a: Uint8Array, b: Uint8Array, target: Uint8Array): number {
  for (let index = 0; index < target.length; index++) {
    const difference = (a[index]! ^ target[index]!) - (b[index]! ^ target[index]!);
    if (difference !== 0) return difference;
  }
  return compareBytes(a, b);
}

/** Those of the live members, `self` not among them, whom `self` watches. About 25 comparisons for each member. */
export function watchedBy<Member extends Keyed>(
  self: Uint8Array,
  live: readonly Member[],
): Member[] {
  return live.filter((target) => {
    let closer = 0;
    for (const other of live) {
      if (other === target || compareDistance(other.key, self, target.key) > 0) continue;
      if (++closer === limits.watchersWanted) return false;
    }
    return true;
  });
}
