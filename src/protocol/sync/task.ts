/** A part of a session about one namespace, driven by the frames of the peer. */
import type { Bound } from "../../core/ports.ts";
import type { Digest } from "./digests.ts";
import type { Now } from "./effects.ts";
import type { Frame } from "./frames.ts";

export type TaskResult =
  /** Settled: equal, or different for now. */
  | { readonly verdict: "equal" | "different" }
  /** To be compared with what the peer has now. */
  | { readonly verdict: "compare"; readonly digest: Digest }
  /** An audit found other entries in a range: to be reconciled by ids. */
  | { readonly verdict: "repair"; readonly range: { readonly from: Bound; readonly to: Bound } };

export interface Task {
  /** Undefined while the task goes on. */
  readonly result: TaskResult | undefined;
  start(now: Now): void;
  frame(frame: Frame, now: Now): void;
}
