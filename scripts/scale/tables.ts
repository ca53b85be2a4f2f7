/** What docs/scale.md shows of the runs and of the calibration. */
import { boundMs, type DetectResult } from "../../test/sim/scale/detect.ts";
import { linkProfiles } from "../../test/sim/scale/links.ts";
import type { SpreadResult } from "../../test/sim/scale/spread.ts";
import { copiesExpected, rumourRounds, swimMs } from "../../test/sim/scale/theory.ts";
import type { Compared } from "./calibration.ts";
import { meshMs, rumourMs } from "./panels.ts";
import type { ScaleRow } from "./runs.ts";

type Cell = string | number | null;

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.map(shown).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function shown(cell: Cell): string {
  if (cell === null || (typeof cell === "number" && !Number.isFinite(cell))) return "-";
  if (typeof cell === "string") return cell;
  const digits = Math.abs(cell) >= 100 ? 0 : 1;
  return Number(cell.toFixed(digits)).toLocaleString("en");
}

export function spreadTable(rows: readonly ScaleRow[]): string {
  const head = [
    "nodes",
    "links",
    "connections",
    "mesh",
    "half",
    "99 %",
    "all",
    "worst",
    "mesh hops",
    "log2 n + ln n hops",
    "copies",
    "expected",
    "bytes/s a node",
    "missed",
  ];
  const row = (run: SpreadResult, links: (typeof linkProfiles)["lan" | "wan"]): Cell[] => [
    run.nodes,
    run.links,
    run.connections,
    run.meshPeers,
    ...[run.halfMs, run.most99Ms, run.allMs, run.allWorstMs].map((ms) => `${shown(ms)} ms`),
    `${shown(meshMs(run, links))} ms`,
    `${shown(rumourRounds(run.nodes))}: ${shown(rumourMs(run, links))} ms`,
    run.copies,
    copiesExpected(run.nodes, run.connections, run.meshPeers),
    run.bytesPerNodeAndSecond,
    run.missed,
  ];
  const cells = rows.flatMap(({ lan, wan }) => [
    row(lan, linkProfiles.lan),
    row(wan, linkProfiles.wan),
  ]);
  return table(head, cells);
}

export function detectTable(rows: readonly ScaleRow[]): string {
  const head = [
    "nodes",
    "killed: watchers",
    "99 %",
    "all",
    "worst",
    "vanished: watchers",
    "99 %",
    "all",
    "worst",
    "SWIM expects",
    "bound",
    "probes/s a node",
    "bytes/s",
    "gossip at rest",
    "stalls: suspicions",
    "false `failed`",
    "roster",
  ];
  const times = (noticed: DetectResult["killed"]): string[] =>
    [noticed.watchersMs, noticed.most99Ms, noticed.allMs, noticed.worstMs].map((ms) => shown(ms));
  const cells = rows.map(({ nodes, detect }) => [
    nodes,
    ...times(detect.killed),
    ...times(detect.vanished),
    swimMs(),
    boundMs,
    detect.idleMessagesPerNodeAndSecond,
    detect.idleBytesPerNodeAndSecond,
    detect.idleGossipMessages,
    `${detect.stalls}: ${detect.suspicionsInStalls}`,
    detect.falseVerdicts,
    detect.fullRoster ? "full" : `${shown(detect.rosterMean)} rows`,
  ]);
  return table(head, cells);
}

export function healTable(rows: readonly ScaleRow[]): string {
  const head = [
    "nodes",
    "connections cut",
    "half of the nodes",
    "99 %",
    "all",
    "bytes a node",
    "at rest, bytes/s a node",
  ];
  const cells = rows.flatMap(({ heal }) =>
    heal === undefined
      ? []
      : [
          [
            heal.nodes,
            heal.cut,
            ...[heal.halfMs, heal.most99Ms, heal.allMs].map((ms) => `${shown(ms)} ms`),
            heal.bytesPerNode,
            heal.idleBytesPerNodeAndSecond,
          ],
        ],
  );
  return table(head, cells);
}

export function costTable(rows: readonly ScaleRow[]): string {
  return table(
    ["nodes", "the run took", "memory"],
    rows.map(({ nodes, tookMs, rssMiB }) => [nodes, `${shown(tookMs / 1_000)} s`, `${rssMiB} MiB`]),
  );
}

export function calibrationTable(compared: readonly Compared[]): string {
  const head = ["nodes", "what", "daemons", "simulated", "error"];
  const cells = compared.flatMap(({ nodes, lines }) =>
    lines.map(({ what, daemons, simulated }) => [
      nodes,
      what,
      daemons,
      simulated,
      daemons === null ? "-" : `${Math.round((simulated / daemons - 1) * 100)} %`,
    ]),
  );
  return table(head, cells);
}
