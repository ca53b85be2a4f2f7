/** The laws of the state as properties, for `npm test` (few cases) and scripts/laws.ts (many). See docs/laws.md. */
import type { IRawProperty } from "fast-check";
import type { EntryClass } from "../../src/protocol/state/entry.ts";
import { docLaws } from "./doc-laws.ts";
import { formatLaws } from "./format-laws.ts";
import { crowdLaws, mergeLaws } from "./merge-laws.ts";
import { orderLaws } from "./order-laws.ts";
import { valueLaws } from "./value-laws.ts";

export type Law = { readonly name: string; readonly property: IRawProperty<unknown, false> };

const classNames: Readonly<Record<EntryClass, string>> = {
  1: "last",
  2: "context",
  3: "slot",
  4: "append",
};

const entryClasses = [1, 2, 3, 4] as const;

function ofEachClass(laws: (entryClass: EntryClass) => readonly Law[]): Law[] {
  return entryClasses.flatMap((entryClass) =>
    laws(entryClass).map(({ name, property }) => ({
      name: `${classNames[entryClass]}: ${name}`,
      property,
    })),
  );
}

export const lawsOfOrder: readonly Law[] = ofEachClass(orderLaws);
export const lawsOfMerge: readonly Law[] = ofEachClass(mergeLaws);
export const lawsOfCrowds: readonly Law[] = ofEachClass(crowdLaws);
export const lawsOfFormats: readonly Law[] = formatLaws;
export const lawsOfValues: readonly Law[] = valueLaws;
export const lawsOfDocuments: readonly Law[] = docLaws;

export const allLaws: readonly Law[] = [
  ...lawsOfOrder,
  ...lawsOfMerge,
  ...lawsOfCrowds,
  ...lawsOfValues,
  ...lawsOfDocuments,
  ...lawsOfFormats,
];
