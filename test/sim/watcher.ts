/**
 * Somebody who follows the change feed of a node by its cursor, now and then and a few changes at a time, through crashes
 * and restarts; keeps what each key held when its last change was told.
 */
import { toHex } from "../../src/core/codec.ts";
import type { State } from "../../src/protocol/state/state.ts";
import type { Prng } from "./prng.ts";
import { subjectName } from "./recorded-state.ts";
import type { Process, SimNode } from "./sim-node.ts";

const delayMsMax = 700;
const changesPerPage = 7;

export class Watcher {
  /** Hashes of the live entries of each subject. */
  readonly seen = new Map<string, string>();
  #cursor = 0n;
  readonly #prng: Prng;

  constructor(node: SimNode, prng: Prng) {
    this.#prng = prng;
    node.onStart = (process) => this.#follow(process);
  }

  #follow({ clock, driver, state }: Process): void {
    // a power cut took back what was told: the daemon refuses such a cursor with BAD_CURSOR
    if (this.#cursor > state.feedSeq()) this.#cursor = 0n;
    let isDue = false;
    const soon = (): void => {
      if (isDue) return;
      isDue = true;
      clock.after(this.#prng.float() * delayMsMax, () => {
        isDue = false;
        if (this.#page(state)) soon();
      });
    };
    driver.onChange(soon);
    soon();
  }

  /** Reads all there is. */
  finish(state: State): void {
    while (this.#page(state));
  }

  /** True when there may be more. */
  #page(state: State): boolean {
    const page = state.changesAfter(this.#cursor, changesPerPage);
    for (const { seq, subject } of page) {
      this.seen.set(subjectName(subject), liveHashes(state, subject));
      this.#cursor = seq;
    }
    return page.length === changesPerPage;
  }
}

export function liveHashes(state: State, subject: Parameters<State["live"]>[0]): string {
  return [...state.live(subject)]
    .map(({ hash }) => toHex(hash))
    .toSorted()
    .join(" ");
}
