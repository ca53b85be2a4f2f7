/** Who is doubted, and may be told so or asked about. */
import { limits } from "../../core/limits.ts";
import type { Row } from "./ledger.ts";
import type { News } from "./news.ts";

export type Doubts = {
  /** Members that are connected: they may not have heard that they are suspected. */
  readonly near: readonly News[];
  /** Suspects that are not: it may be this node that did not hear what they said. */
  readonly far: readonly News[];
  /** There are members that were never heard of. */
  readonly isUnheard: boolean;
  /** There will be more to say or to ask. */
  readonly isOpen: boolean;
};

/** Looked at every `remindMs`. Whoever failed is asked about a few times more, less and less often, and then no more. */
export function doubtsAmong(
  rows: Iterable<Row>,
  isNear: (row: Row) => boolean,
  nowMs: number,
): Doubts {
  const near: News[] = [];
  const far: News[] = [];
  let isUnheard = false;
  let isOpen = false;
  for (const row of rows) {
    const { statement, standing } = row;
    if (standing !== "suspect" && standing !== "failed") continue;
    const isTold = statement !== undefined && isNear(row);
    const isAsked = !isTold && (standing === "suspect" || isAskedAgain(row, nowMs));
    isOpen ||= isTold || standing === "suspect" || row.askMs < Number.POSITIVE_INFINITY;
    if (isTold) near.push({ statement, accused: true });
    else if (isAsked && statement !== undefined) far.push({ statement, accused: true });
    else if (isAsked) isUnheard = true;
  }
  return { near, far, isUnheard, isOpen };
}

function isAskedAgain(row: Row, nowMs: number): boolean {
  if (nowMs < row.askMs) return false;
  row.askRestMs *= 2;
  row.askMs =
    row.askRestMs > limits.askRestMsMax ? Number.POSITIVE_INFINITY : nowMs + row.askRestMs;
  return true;
}
