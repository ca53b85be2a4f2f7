/** Which entries supersede which, written down once more from docs/formats.md, without a look at the daemon's own. */
import { toHex } from "../../src/core/codec.ts";
import type { Written } from "./recorded-state.ts";

/** Both are of one subject. */
export function beats(x: Written, y: Written): boolean {
  const later = x.stamp > y.stamp || (x.stamp === y.stamp && x.hash > y.hash);
  const { epoch: epochX = 0n, context = [], range: outer } = x.entry;
  const { epoch: epochY = 0n, context: contextY = [], range } = y.entry;
  if (x.entry.class === 1) return later;
  if (epochX !== epochY) return epochX > epochY;
  const isSameWriter = toHex(x.writer) === toHex(y.writer);
  if (x.entry.class === 3) return isSameWriter && later;
  if (x.entry.class === 4) {
    if (!isSameWriter || outer === undefined) return false;
    const inner = range ?? { from: y.stamp, to: y.stamp };
    const isEqual = outer.from === inner.from && outer.to === inner.to;
    if (isEqual && range !== undefined) return later;
    return outer.from <= inner.from && inner.to <= outer.to;
  }
  const seen = new Map(context.map(({ writer, stamp }) => [toHex(writer), stamp]));
  const covers = (writer: Uint8Array, stamp: bigint): boolean =>
    (seen.get(toHex(writer)) ?? -1n) >= stamp;
  return covers(y.writer, y.stamp) && contextY.every(({ writer, stamp }) => covers(writer, stamp));
}
