/** The faults that hold, as the record and the processes say. */
import { formatCut } from "../cut.ts";
import { formatShape } from "../link.ts";
import type { NodeState } from "../nodes.ts";
import type { Link, TestnetRecord } from "../record.ts";
import type { FaultKind } from "./history.ts";

/** With the node, for a fault of a single one. */
export type FaultNow = {
  readonly kind: FaultKind;
  readonly label: string;
  readonly node: number | null;
};

function directionsText(links: readonly Link[]): string {
  const has = (from: number, to: number): boolean =>
    links.some((link) => link.from === from && link.to === to);
  return links
    .flatMap(({ from, to }) => {
      if (!has(to, from)) return [`${from} → ${to}`];
      return from < to ? [`${from} ↔ ${to}`] : [];
    })
    .join(", ");
}

export function faultsNow(record: TestnetRecord, states: readonly NodeState[]): FaultNow[] {
  const { partition, oneWay, links } = record;
  const cuts = [
    ...(partition === null ? [] : [formatCut({ partition, oneWay: [] })]),
    ...oneWay.map((each) => formatCut({ partition: null, oneWay: [each] }).replace(">", "→")),
  ];
  const shapes = Map.groupBy(links, ({ shape }) => formatShape(shape));
  return [
    ...cuts.map((text): FaultNow => ({ kind: "cut", label: `cut ${text}`, node: null })),
    ...[...shapes].map(([shape, same]): FaultNow => {
      return { kind: "link", label: `link ${directionsText(same)}: ${shape}`, node: null };
    }),
    ...states.flatMap((state, node): FaultNow[] => {
      if (state === "running") return [];
      const kind = state === "paused" ? "paused" : "stopped";
      return [{ kind, label: `${node}`, node }];
    }),
  ];
}
