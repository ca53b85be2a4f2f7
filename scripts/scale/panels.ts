/** Which curves are drawn of the runs, beside theory and what daemons did. */
import type { SpreadResult } from "../../test/sim/scale/spread.ts";
import { boundMs } from "../../test/sim/scale/detect.ts";
import { linkProfiles, type LinkProfile } from "../../test/sim/scale/links.ts";
import {
  copiesExpected,
  fixedMs,
  hopMs,
  meshHops,
  rumourRounds,
  swimMs,
} from "../../test/sim/scale/theory.ts";
import type { Measured } from "./daemons.ts";
import type { Panel, Series } from "./plot.ts";
import type { ScaleRow } from "./runs.ts";

const blue = "#1f6fb4";
const orange = "#d95f02";
const green = "#1b7837";
const grey = "#777";
const purple = "#7b3294";

export function panelsOf(rows: readonly ScaleRow[], measured: readonly Measured[]): Panel[] {
  const line = (label: string, colour: string, of: (row: ScaleRow) => number): Series => {
    return { label, colour, style: "line", points: rows.map((row) => [row.nodes, of(row)]) };
  };
  const dashed = (label: string, colour: string, of: (row: ScaleRow) => number): Series => {
    return { ...line(label, colour, of), style: "dashed" };
  };
  const dots = (label: string, of: (one: Measured) => number | null): Series => {
    const points = measured.map((one): [number, number] => [one.nodes, of(one) ?? Number.NaN]);
    return { label, colour: "#000", style: "dots", points };
  };
  return [
    {
      title: "A write is visible",
      unit: "ms after its request, medians",
      scale: "log",
      series: [
        line("WAN: all nodes", orange, ({ wan }) => wan.allMs),
        line("LAN: all nodes", blue, ({ lan }) => lan.allMs),
        line("WAN: half of them", "#f4a96b", ({ wan }) => wan.halfMs),
        line("LAN: half of them", "#8bbbe0", ({ lan }) => lan.halfMs),
        dashed("WAN: log2 n + ln n hops", orange, ({ wan }) => rumourMs(wan, linkProfiles.wan)),
        dashed("LAN: log2 n + ln n hops", blue, ({ lan }) => rumourMs(lan, linkProfiles.lan)),
        dashed("WAN: hops of the mesh", grey, ({ wan }) => meshMs(wan, linkProfiles.wan)),
        dashed("LAN: hops of the mesh", purple, ({ lan }) => meshMs(lan, linkProfiles.lan)),
      ],
    },
    {
      title: "Copies of a message that a node gets",
      unit: "mean",
      scale: "linear",
      series: [
        line("simulated", blue, ({ lan }) => lan.copies),
        dashed("expected of its mesh", grey, ({ lan }) =>
          copiesExpected(lan.nodes, lan.connections, lan.meshPeers),
        ),
        dots("daemons", ({ copies }) => copies),
      ],
    },
    {
      title: "A member's end is noticed",
      unit: "ms, medians, WAN",
      scale: "linear",
      series: [
        line("killed: all nodes", blue, ({ detect }) => detect.killed.allMs),
        line("killed: its watchers", "#8bbbe0", ({ detect }) => detect.killed.watchersMs),
        line("vanished: all nodes", orange, ({ detect }) => detect.vanished.allMs),
        line("vanished: its watchers", "#f4a96b", ({ detect }) => detect.vanished.watchersMs),
        dashed("bound of the watchers", grey, () => boundMs),
        dashed("SWIM, vanished, expected", purple, () => swimMs()),
        dots("daemons, killed: all nodes", ({ lastFailedMs }) => lastFailedMs.p50),
      ],
    },
    {
      title: "Traffic of a node",
      unit: "bytes sent per second",
      scale: "log",
      series: [
        line("probes, at rest", blue, ({ detect }) => detect.idleBytesPerNodeAndSecond),
        line("two writes a second", orange, ({ lan }) => lan.bytesPerNodeAndSecond),
        {
          ...line("comparing states, at rest", green, () => Number.NaN),
          points: rows.flatMap(({ nodes, heal }) =>
            heal === undefined ? [] : [[nodes, heal.idleBytesPerNodeAndSecond] as const],
          ),
        },
        dashed("if all probed all", grey, ({ nodes, detect }) => {
          return ((nodes - 1) * detect.idleBytesPerNodeAndSecond) / detect.watchedMean;
        }),
        dots("daemons, all they send at rest", (one) => one.idleBytesPerNodeAndSecond),
      ],
    },
  ];
}

export function meshMs(run: SpreadResult, links: LinkProfile): number {
  return fixedMs + hopOf(run, links) * meshHops(run.nodes, run.connections, run.meshPeers);
}

export function rumourMs(run: SpreadResult, links: LinkProfile): number {
  return fixedMs + hopOf(run, links) * rumourRounds(run.nodes);
}

function hopOf({ meshPeers }: SpreadResult, { minMs, maxMs }: LinkProfile): number {
  return hopMs((minMs + maxMs) / 2, meshPeers);
}
