/** Faults and writes: labelled bars over the lanes. */
import { caption, ink, rightPx, seconds, smallPx, type Part, type Scale } from "./frame.ts";
import { packed, type Extent } from "./rows.ts";
import { element, fitted, text, textWidth, title } from "./svg.ts";

export type Bar = {
  readonly label: string;
  readonly colour: string;
  readonly fromMs: number;
  readonly toMs: number;
};

const rowPx = 20;
const barPx = 16;
const padPx = 5;
const widthMinPx = 4;
/** With more, as chaos makes them, labels would hide each other's bars: then a pointer shows them. */
const labelsMax = 40;
const thinRowPx = 8;
const gapPx = 10;

type Placed = {
  readonly bar: Bar;
  readonly x: number;
  readonly width: number;
  readonly textX: number;
  readonly label: string;
};

export function bars(name: string, all: readonly Bar[], scale: Scale): Part {
  if (all.length === 0) return { heightPx: 0, svg: "" };
  const labelled = all.length <= labelsMax;
  const placed = all.map((bar) => place(bar, scale, labelled));
  const rows = packed(placed.map((each) => extentOf(each)));
  const heightPx = (Math.max(...rows) + 1) * (labelled ? rowPx : thinRowPx);
  const drawn = placed.map((each, at) => draw(each, rows[at] ?? 0, labelled));
  const middle = labelled ? rowPx / 2 - 2 : heightPx / 2;
  return { heightPx: heightPx + gapPx, svg: [caption(name, middle), ...drawn].join("") };
}

/** A label goes on beyond the end of a short bar, and is moved left where the picture ends. */
function place(bar: Bar, scale: Scale, labelled: boolean): Placed {
  const x = scale.x(bar.fromMs);
  const width = Math.max(widthMinPx, scale.x(bar.toMs) - x);
  const label = labelled ? fitted(bar.label, smallPx, rightPx - scale.x(0) - 2 * padPx) : "";
  const textX = Math.min(x + padPx, rightPx - padPx - textWidth(label, smallPx));
  return { bar, x, width, textX, label };
}

function extentOf({ x, width, textX, label }: Placed): Extent {
  if (label === "") return { fromPx: x, toPx: x + width };
  const textEnd = textX + textWidth(label, smallPx) + padPx;
  return { fromPx: Math.min(x, textX - padPx), toPx: Math.max(x + width, textEnd) };
}

function draw({ bar, x, width, textX, label }: Placed, row: number, labelled: boolean): string {
  const { colour, fromMs, toMs } = bar;
  const y = row * (labelled ? rowPx : thinRowPx);
  const height = labelled ? barPx : thinRowPx - 2;
  const shown = title(`${bar.label}, ${seconds(fromMs)} to ${seconds(toMs)}`);
  const box = element("rect", { x, y, width, height, rx: 2, fill: colour }, shown);
  if (label === "") return box;
  return box + text(label, { x: textX, y: y + 12, "font-size": smallPx, fill: ink });
}
