/** A lane for every node, in the colours of its digests, and below them how many different states there are. */
import type { Lane, Stretch } from "../history.ts";
import { inkOn } from "./colours.ts";
import {
  caption,
  faint,
  leftPx,
  rightPx,
  seconds,
  smallPx,
  type Part,
  type Scale,
} from "./frame.ts";
import { element, text, textWidth, title } from "./svg.ts";

export const silentColour = "#d0d3d8";
const gapPx = 10;
const curvePx = 34;

/** Lower for many nodes: fifty of them fit on a page. */
function lanePx(count: number): number {
  if (count <= 10) return 24;
  return count <= 25 ? 18 : 13;
}

export function lanes(
  all: readonly Lane[],
  scale: Scale,
  colours: ReadonlyMap<string, string>,
): Part {
  const height = lanePx(all.length);
  const svg = all.map(({ node, stretches }, at) => {
    const y = at * height;
    const fontPx = Math.min(smallPx, height - 3);
    return [
      caption(`node ${node}`, y + height / 2 - 1, fontPx),
      ...stretches.map((stretch) => draw(stretch, scale, colours, { node, y, height })),
    ].join("");
  });
  return { heightPx: all.length * height + gapPx, svg: svg.join("") };
}

type Place = { readonly node: number; readonly y: number; readonly height: number };

function draw(
  stretch: Stretch,
  scale: Scale,
  colours: ReadonlyMap<string, string>,
  { node, y, height }: Place,
): string {
  const { fromMs, toMs, digest, entries, state } = stretch;
  const x = scale.x(fromMs);
  const width = scale.x(toMs) - x;
  if (width <= 0) return "";
  const fill = digest === null ? silentColour : (colours.get(digest) ?? silentColour);
  const label = digest === null ? state : digest.slice(0, 6);
  const what = digest === null ? state : `digest ${digest.slice(0, 16)}, ${entries} entries`;
  const shown = title(`node ${node}, ${seconds(fromMs)} to ${seconds(toMs)}: ${what}`);
  const box = element("rect", { x, y, width, height: height - 2, fill }, shown);
  const fits = height >= 16 && textWidth(label, smallPx) + 12 <= width;
  if (!fits) return box;
  const colour = digest === null ? faint : inkOn(fill);
  const at = { x: x + 6, y: y + height / 2 + 3, "font-size": smallPx, fill: colour };
  return box + text(label, { ...at, "pointer-events": "none" });
}

type Change = { readonly atMs: number; readonly digest: string; readonly by: 1 | -1 };

/** How many different digests the nodes show, from each time on. */
export function statesOver(all: readonly Lane[]): { atMs: number; count: number }[] {
  const changes = all
    .flatMap(({ stretches }) => stretches)
    .flatMap(({ digest, fromMs, toMs }): Change[] =>
      digest === null || toMs <= fromMs
        ? []
        : [
            { atMs: fromMs, digest, by: 1 },
            { atMs: toMs, digest, by: -1 },
          ],
    )
    .toSorted((a, b) => a.atMs - b.atMs);
  const shown = new Map<string, number>();
  const counts = new Map<number, number>();
  for (const { atMs, digest, by } of changes) {
    const count = (shown.get(digest) ?? 0) + by;
    if (count === 0) shown.delete(digest);
    else shown.set(digest, count);
    counts.set(atMs, shown.size);
  }
  return [...counts].map(([atMs, count]) => ({ atMs, count }));
}

export function statesCurve(all: readonly Lane[], scale: Scale): Part {
  const points = statesOver(all);
  const most = Math.max(2, ...points.map(({ count }) => count));
  const y = (count: number): number => curvePx - (count / most) * curvePx;
  const path = points.map(({ atMs, count }, at) => {
    const x = scale.x(atMs).toFixed(1);
    return at === 0 ? `M${x} ${curvePx}V${y(count).toFixed(1)}` : `H${x}V${y(count).toFixed(1)}`;
  });
  const end = points.length === 0 ? "" : `H${scale.x(scale.endMs).toFixed(1)}V${curvePx}Z`;
  const svg = [
    caption("states", curvePx / 2),
    element(
      "path",
      { d: path.join("") + end, fill: "#afb8c1", stroke: faint },
      title(`how many different states the nodes are in: up to ${most}`),
    ),
    text(`${most}`, { x: leftPx - 4, y: 8, "font-size": 9, fill: faint, "text-anchor": "end" }),
    element("line", { x1: leftPx, x2: rightPx, y1: curvePx, y2: curvePx, stroke: faint }),
  ];
  return { heightPx: curvePx, svg: svg.join("") };
}
