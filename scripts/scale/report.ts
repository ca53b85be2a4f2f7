/** docs/scale.json holds the figures; docs/scale.md shows them between two marks, docs/scale.svg draws them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compare } from "./calibration.ts";
import type { Measured } from "./daemons.ts";
import { panelsOf } from "./panels.ts";
import { svgOf } from "./plot.ts";
import type { ScaleRow } from "./runs.ts";
import { calibrationTable, costTable, detectTable, healTable, spreadTable } from "./tables.ts";

export type Figures = {
  readonly seed: number;
  readonly measured: readonly Measured[];
  readonly runs: readonly ScaleRow[];
};

const docs = join(import.meta.dirname, "../../docs");
const file = (name: string): string => join(docs, name);
const [begin, end] = ["<!-- written by npm run scale -->", "<!-- to here -->"];

export function readFigures(): Figures {
  if (!existsSync(file("scale.json"))) return { seed: 1, measured: [], runs: [] };
  return JSON.parse(readFileSync(file("scale.json"), "utf8")) as Figures;
}

export function writeFigures(figures: Figures): void {
  writeFileSync(file("scale.json"), `${JSON.stringify(figures, undefined, 2)}\n`);
}

/** The part of docs/scale.md that is made of the figures. */
export function markdownOf({ seed, measured, runs }: Figures): string {
  const compared = measured.map((one) => compare(one, seed));
  return [
    "### A write, by gossip alone",
    spreadTable(runs),
    "### Who is alive (WAN; times in ms)",
    detectTable(runs),
    "### Heal of an even split (WAN)",
    healTable(runs),
    "### Calibration",
    calibrationTable(compared),
    `Load of the machine before: ${measured.map(({ nodes, loadBefore, cores }) => `${loadBefore} on ${cores} cores at ${nodes} nodes`).join(", ")}.`,
    "### What the runs cost",
    costTable(runs),
  ].join("\n\n");
}

export function writeReport(figures: Figures): void {
  const text = readFileSync(file("scale.md"), "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error("docs/scale.md has lost its marks");
  const made = `${begin}\n\n${markdownOf(figures)}\n\n`;
  writeFileSync(file("scale.md"), text.slice(0, from) + made + text.slice(to));
  const panels = panelsOf(figures.runs, figures.measured);
  writeFileSync(file("scale.svg"), svgOf("Coterie from 10 to 10,000 nodes", panels));
}
