/** Who is doubted, and may be told so or asked about. */
import type { Row } from "./ledger.ts";
import type { News } from "./news.ts";

export type Doubts = {
  /** Members that are connected: they may not have heard that they are suspected. */
  readonly near: readonly News[];
  /** Suspects that are not: it may be this node that did not hear what they said. */
  readonly far: readonly News[];
  /** There are members that were never heard of, and have not failed yet. */
  readonly isUnheard: boolean;
};

export function doubtsAmong(rows: Iterable<Row>, isNear: (row: Row) => boolean): Doubts {
  const near: News[] = [];
  const far: News[] = [];
  let isUnheard = false;
  for (const row of rows) {
    const { statement, standing } = row;
    if (standing !== "suspect" && standing !== "failed") continue;
    if (statement === undefined) isUnheard ||= standing === "suspect";
    else if (isNear(row)) near.push({ statement, accused: true });
    else if (standing === "suspect") far.push({ statement, accused: true });
  }
  return { near, far, isUnheard };
}
