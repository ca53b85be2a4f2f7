/** Expectations: numbered marks where they were decided, a line for how long they took, and a list below. */
import type { StepResult } from "../history.ts";
import { caption, faint, ink, leftPx, rightPx, smallPx, type Part, type Scale } from "./frame.ts";
import { packed } from "./rows.ts";
import { element, fitted, text, title } from "./svg.ts";

export const okColour = "#1a7f37";
export const failedColour = "#cf222e";

const rowPx = 22;
const radiusPx = 9;
const gapPx = 8;
const listRowPx = 20;
const listFontPx = 12;

export type Mark = StepResult & { readonly number: number };

/** Expectations, and whatever failed, as they were decided. */
export function marksOf(steps: readonly StepResult[]): Mark[] {
  return steps
    .filter(({ kind, ok }) => kind === "expect" || !ok)
    .toSorted((a, b) => a.toMs - b.toMs)
    .map((step, at) => ({ ...step, number: at + 1 }));
}

/** Round when it held, square when not: not told by colour alone. */
export function badge(mark: Pick<Mark, "ok" | "number">, x: number, y: number): string {
  const fill = mark.ok ? okColour : failedColour;
  const side = 2 * radiusPx - 2;
  const shape = mark.ok
    ? element("circle", { cx: x, cy: y, r: radiusPx, fill })
    : element("rect", { x: x - side / 2, y: y - side / 2, width: side, height: side, fill });
  const number = text(String(mark.number), {
    x,
    y: y + 4,
    "font-size": smallPx,
    fill: "#ffffff",
    "font-weight": "bold",
    "text-anchor": "middle",
  });
  return shape + number;
}

function xOf({ toMs }: Mark, scale: Scale): number {
  return Math.min(rightPx - radiusPx, Math.max(leftPx + radiusPx, scale.x(toMs)));
}

/** With dashed lines down to `bottomPx`. */
export function marks(all: readonly Mark[], scale: Scale, bottomPx: number): Part {
  if (all.length === 0) return { heightPx: 0, svg: "" };
  const rows = packed(
    all.map((mark) => {
      const x = xOf(mark, scale);
      return { fromPx: Math.min(scale.x(mark.fromMs), x - radiusPx), toPx: x + radiusPx };
    }),
  );
  const drawn = all.map((mark, at) => {
    const x = xOf(mark, scale);
    const y = (rows[at] ?? 0) * rowPx + radiusPx;
    const stroke = mark.ok ? okColour : failedColour;
    const dashed = { "stroke-dasharray": "2 3", opacity: "0.7" };
    return element(
      "g",
      {},
      title(lineOf(mark)),
      element("line", { x1: x, x2: x, y1: y, y2: bottomPx, stroke, ...dashed }),
      element("line", { x1: scale.x(mark.fromMs), x2: x, y1: y, y2: y, stroke, "stroke-width": 3 }),
      badge(mark, x, y),
    );
  });
  const heightPx = (Math.max(...rows) + 1) * rowPx + gapPx;
  return { heightPx, svg: [caption("expected", radiusPx), ...drawn].join("") };
}

function lineOf({ text: what, line, seen }: StepResult): string {
  return `line ${line}: ${what}: ${seen}`;
}

export function markList(all: readonly Mark[]): Part {
  const rows = all.map((mark, at) => {
    const y = at * listRowPx + radiusPx;
    const x = leftPx + 28;
    const line = fitted(lineOf(mark), listFontPx, rightPx - x);
    return (
      badge(mark, leftPx + radiusPx, y) +
      text(mark.ok ? "held" : "failed", {
        x: leftPx - 10,
        y: y + 4,
        "font-size": smallPx,
        fill: mark.ok ? faint : failedColour,
        "text-anchor": "end",
      }) +
      text(line, { x, y: y + 4, "font-size": listFontPx, fill: ink })
    );
  });
  return { heightPx: all.length * listRowPx, svg: rows.join("") };
}
