/** The picture of a scenario: time from left to right, faults and expectations over a lane for every node. */
import type { FaultKind, ScenarioReport } from "./history.ts";
import { bars, type Bar } from "./picture/bars.ts";
import { coloursOf } from "./picture/colours.ts";
import { axis, faint, ink, leftPx, Scale, seconds, widthPx, type Part } from "./picture/frame.ts";
import { lanes, statesCurve } from "./picture/lanes.ts";
import { legend } from "./picture/legend.ts";
import { failedColour, markList, marks, marksOf, okColour } from "./picture/marks.ts";
import { element, escaped, fitted, text } from "./picture/svg.ts";

const faultColours: Readonly<Record<FaultKind, string>> = {
  cut: "#f4a896",
  link: "#f6cf7f",
  stopped: "#c3b5d8",
  paused: "#d6cbb3",
};
const writeColour = "#a9cbe8";

const headPx = 66;
const axisPx = 30;
const marginPx = 20;

export type Pictured = Pick<
  ScenarioReport,
  "title" | "file" | "ok" | "nodes" | "net" | "tookMs" | "steps" | "lanes" | "faults"
>;

export function timelineSvg(report: Pictured): string {
  const scale = new Scale(report.tookMs);
  const found = marksOf(report.steps);
  const faults = bars("faults", report.faults.map(faultBar), scale);
  const writes = bars("writes", writeBars(report), scale);
  const plot = [
    lanes(report.lanes, scale, coloursOf(report.lanes)),
    statesCurve(report.lanes, scale),
  ];
  const plotPx = heightOf(plot);
  const markRows = marks(found, scale, 0).heightPx;
  const over = [faults, writes, marks(found, scale, markRows + plotPx)];
  const below = [legend(), { heightPx: 14, svg: "" }, markList(found)];
  const bottom = headPx + heightOf(over) + plotPx;
  const height = bottom + axisPx + heightOf(below) + marginPx;
  return document(report, height, [
    head(report),
    axis(scale, headPx, bottom),
    stacked(plot, headPx + heightOf(over)),
    stacked(over, headPx),
    stacked(below, bottom + axisPx),
  ]);
}

function faultBar({ kind, label, fromMs, toMs }: Pictured["faults"][number]): Bar {
  return { label, colour: faultColours[kind], fromMs, toMs };
}

/** Load lasts until it is stopped. */
function writeBars({ steps, tookMs }: Pictured): Bar[] {
  return steps.flatMap(({ kind, text: label, fromMs, toMs }, at): Bar[] => {
    if (kind === "write") return [{ label, colour: writeColour, fromMs, toMs }];
    if (kind !== "load" || label !== "load start") return [];
    const stop = steps.slice(at).find((step) => step.text === "load stop");
    return [{ label: "load", colour: writeColour, fromMs, toMs: stop?.toMs ?? tookMs }];
  });
}

function heightOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { heightPx }) => sum + heightPx, 0);
}

function stacked(parts: readonly Part[], fromPx: number): string {
  let y = fromPx;
  return parts
    .map(({ heightPx, svg }) => {
      const moved = element("g", { transform: `translate(0 ${Math.round(y)})` }, svg);
      y += heightPx;
      return moved;
    })
    .join("\n");
}

function head({ title, file, ok, nodes, net, tookMs }: Pictured): string {
  const verdict = ok ? "all held" : "it failed";
  const facts = `${file}: ${nodes} nodes on ${net}, ${seconds(tookMs)}; ${verdict}`;
  const name = fitted(title, 18, widthPx - leftPx - marginPx);
  return (
    text(name, { x: leftPx, y: 28, "font-size": 18, "font-weight": "bold", fill: ink }) +
    element("rect", { x: leftPx, y: 39, width: 8, height: 8, fill: ok ? okColour : failedColour }) +
    text(fitted(facts, 12, widthPx - leftPx - marginPx), {
      x: leftPx + 14,
      y: 48,
      "font-size": 12,
      fill: faint,
    })
  );
}

/** The same in words, for whoever does not see it. */
function description({ steps, faults }: Pictured): string {
  const parts = [
    ...faults.map(({ label, fromMs, toMs }) => `${label}, ${seconds(fromMs)} to ${seconds(toMs)}`),
    ...marksOf(steps).map(({ text: what, ok, toMs }) => {
      return `${what}: ${ok ? "held" : "failed"} at ${seconds(toMs)}`;
    }),
  ];
  return `${parts.join(". ")}.`;
}

function document(report: Pictured, heightPx: number, parts: readonly string[]): string {
  return element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      width: widthPx,
      height: heightPx,
      viewBox: `0 0 ${widthPx} ${Math.round(heightPx)}`,
      role: "img",
      "aria-labelledby": "name text",
      "font-family": "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif",
    },
    "\n",
    element("title", { id: "name" }, escaped(report.title)),
    element("desc", { id: "text" }, escaped(description(report))),
    element("rect", { width: "100%", height: "100%", fill: "#ffffff" }),
    "\n",
    parts.join("\n"),
    "\n",
  );
}
