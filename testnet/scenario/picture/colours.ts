/** A colour for every digest, so that at any time different digests have different colours as far as there are any. */
import type { Lane } from "../history.ts";

/** Told apart by most eyes, also next to each other. */
const palette = [
  "#4e79a7",
  "#f28e2b",
  "#59a14f",
  "#b07aa1",
  "#76b7b2",
  "#edc948",
  "#9c755f",
  "#ff9da7",
  "#86bc86",
  "#5f6caf",
  "#d37295",
  "#a0cbe8",
] as const;

/** What can be read on a colour of the palette: it is dark when its luma (ITU-R BT.601) is. */
export function inkOn(colour: string): string {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) =>
    Number.parseInt(colour.slice(at, at + 2), 16),
  );
  return 0.299 * red + 0.587 * green + 0.114 * blue < 140 ? "#ffffff" : "#24292f";
}

type Life = { readonly digest: string; readonly fromMs: number; readonly toMs: number };

function livesOf(lanes: readonly Lane[]): Life[] {
  const lives = new Map<string, Life>();
  for (const { digest, fromMs, toMs } of lanes.flatMap(({ stretches }) => stretches)) {
    if (digest === null) continue;
    const known = lives.get(digest) ?? { digest, fromMs, toMs };
    lives.set(digest, {
      digest,
      fromMs: Math.min(known.fromMs, fromMs),
      toMs: Math.max(known.toMs, toMs),
    });
  }
  return [...lives.values()].toSorted((a, b) => a.fromMs - b.fromMs);
}

/** Each takes the colour that has been free for longest; when none is, the one that is free first. */
export function coloursOf(lanes: readonly Lane[]): ReadonlyMap<string, string> {
  const freeFrom = palette.map(() => -1);
  return new Map(
    livesOf(lanes).map(({ digest, toMs }) => {
      const at = freeFrom.indexOf(Math.min(...freeFrom));
      freeFrom[at] = Math.max(toMs, freeFrom[at] ?? 0);
      return [digest, palette[at] ?? palette[0]];
    }),
  );
}
