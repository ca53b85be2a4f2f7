/**
 * Bugs planted on purpose, to prove that the simulator sees such: one change of a module's text while it is loaded, or
 * for `early-flush` of the simulated disk. The files in `src` stay as they are.
 */
import { registerHooks } from "node:module";

type Plant = { readonly file: string; readonly from: string; readonly to: string };

const plants: Readonly<Record<string, Plant | undefined>> = {
  /** Writes are acknowledged before they are on disk. */
  "early-flush": undefined,
  /** Of two entries of one stamp each node keeps the one it had first. */
  "no-tie-break": {
    file: "src/protocol/state/supersede.ts",
    from: "return compareBytes(x.hash, y.hash) > 0;",
    to: "return false;",
  },
  /** A deletion or choice supersedes what its writer had seen, but not what that had been built on. */
  "not-transitive": {
    file: "src/protocol/state/context.ts",
    from: "for (const { writer, stamp } of entry.context ?? []) take(writer, stamp);",
    to: "",
  },
  /** Of changes that share a batch the feed tells the first only, when a page ends between them. */
  "feed-skips": {
    file: "src/protocol/state/feed.ts",
    from: "const from = arrivalKey(Number((after + 1n) >> 7n));",
    to: "const from = arrivalKey(Number((after + 127n) >> 7n));",
  },
  /** A suspected member does not contradict. */
  "no-refutation": {
    file: "src/protocol/membership/own-life.ts",
    from: "this.#met = Math.max(this.#met ?? 0, statement.incarnation);",
    to: "",
  },
  /** Reconciliation takes the last range of a message for equal; not found yet, the states of a run are too small. */
  "range-short": {
    file: "src/protocol/sync/reconcile.ts",
    from: "for (const range of open) {",
    to: "for (const range of open.slice(0, -1)) {",
  },
};

export const plantNames = Object.keys(plants);

/** From now on the module is loaded with the bug in it; throws when the text to change is not there. */
export function plantSource(name: string): void {
  const plant = plants[name];
  if (plant === undefined) return;
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(plant.file)) return loaded;
      const text = Buffer.from(loaded.source as Uint8Array).toString();
      if (!text.includes(plant.from)) throw new Error(`${plant.file} has changed: ${name}`);
      return { ...loaded, source: text.replace(plant.from, () => plant.to) };
    },
  });
}
