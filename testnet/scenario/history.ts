/** What happened while a scenario ran. All times are milliseconds since its first step began. */
import type { BookType } from "../workload/books.ts";
import type { NetKind } from "../netns/kinds.ts";

export type LaneState = "answers" | "silent" | "paused" | "stopped";

/** A time in which a node showed one and the same. */
export type Stretch = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly state: LaneState;
  /** Null unless it answers. */
  readonly digest: string | null;
  readonly entries: number | null;
};

export type Lane = { readonly node: number; readonly stretches: readonly Stretch[] };

export type FaultKind = "cut" | "link" | "stopped" | "paused";

export type FaultSpan = {
  readonly kind: FaultKind;
  readonly label: string;
  readonly fromMs: number;
  readonly toMs: number;
};

export type History = { readonly lanes: readonly Lane[]; readonly faults: readonly FaultSpan[] };

export type StepResult = {
  readonly line: number;
  readonly kind: string;
  readonly text: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly ok: boolean;
  /** What was seen, in words. */
  readonly seen: string;
};

export type ScenarioReport = History & {
  readonly title: string;
  readonly file: string;
  readonly ok: boolean;
  readonly nodes: number;
  readonly net: NetKind;
  /** Of all steps, without the start of the daemons. */
  readonly tookMs: number;
  readonly upMs: number;
  readonly steps: readonly StepResult[];
  /** Acknowledged writes of `write` and `load`. */
  readonly writes: Readonly<Record<BookType, number>>;
};
