/**
 * Three-way merge of texts: what someone changed in a copy, done to a text that others changed since the copy was made.
 * There are no conflicts: where both changed the same place both insertions stay, and a change that both made is taken
 * once. Differences are found by lines and within changed lines by words (Myers 1986, by package `diff`).
 */
import { diffArrays } from "diff";
import { cutsPair, type Splice } from "./doc-splice.ts";

/** Units from..to of the base become `insert`. */
export type Hunk = { readonly from: number; readonly to: number; readonly insert: string };

/** Changes beyond which two texts are taken for altogether different: what costs grows with their square. */
const changedLinesMax = 1_000;
const changedWordsMax = 1_000;

/** Hunks that make `other` of `base`, ascending and apart. */
export function hunksBetween(base: string, other: string): Hunk[] {
  const whole = { from: 0, to: base.length, insert: other };
  return split(whole, base, linesOf, changedLinesMax)
    .flatMap((lines) => split(lines, base, wordsOf, changedWordsMax))
    .flatMap((words) => trimmed(words, base));
}

/** The hunk without what is equal at its ends; none when all is. */
function trimmed({ from, to, insert }: Hunk, base: string): Hunk[] {
  const shorter = Math.min(to - from, insert.length);
  let start = 0;
  while (start < shorter && base.charCodeAt(from + start) === insert.charCodeAt(start)) start++;
  if (cutsPair(base, from + start) || cutsPair(insert, start)) start--;
  let end = 0;
  while (
    end < shorter - start &&
    base.charCodeAt(to - 1 - end) === insert.charCodeAt(insert.length - 1 - end)
  ) {
    end++;
  }
  if (cutsPair(base, to - end) || cutsPair(insert, insert.length - end)) end--;
  const hunk = {
    from: from + start,
    to: to - end,
    insert: insert.slice(start, insert.length - end),
  };
  return hunk.from === hunk.to && hunk.insert === "" ? [] : [hunk];
}

/** The hunk as smaller ones between tokens that are equal; as it is when too much differs. */
function split(
  { from, to, insert }: Hunk,
  base: string,
  tokensOf: (text: string) => string[],
  editsMax: number,
): Hunk[] {
  const options = { maxEditLength: editsMax };
  const changes = diffArrays(tokensOf(base.slice(from, to)), tokensOf(insert), options);
  if (changes === undefined) return [{ from, to, insert }];
  const hunks: Hunk[] = [];
  let at = from;
  let open: Hunk | undefined;
  for (const { value, added, removed } of changes) {
    const text = value.join("");
    if (added || removed) {
      open ??= { from: at, to: at, insert: "" };
      if (removed) at += text.length;
      open = { from: open.from, to: at, insert: added ? open.insert + text : open.insert };
      continue;
    }
    if (open !== undefined) hunks.push(open);
    open = undefined;
    at += text.length;
  }
  if (open !== undefined) hunks.push(open);
  return hunks;
}

function linesOf(text: string): string[] {
  return text.split(/(?<=\n)/);
}

function wordsOf(text: string): string[] {
  return text.match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [];
}

/** Splices that do to `current` what made `mine` of `base`. */
export function mergeTexts(base: string, mine: string, current: string): Splice[] {
  const theirs = hunksBetween(base, current);
  const splices: Splice[] = [];
  for (const hunk of hunksBetween(base, mine).toReversed()) {
    if (theirs.some((their) => sameHunk(hunk, their))) continue;
    splices.push(...moved(hunk, theirs));
  }
  return splices;
}

function sameHunk(a: Hunk, b: Hunk): boolean {
  return a.from === b.from && a.to === b.to && a.insert === b.insert;
}

/** A hunk against the base as splices of the current text, the last place first so that none moves another. */
function moved(hunk: Hunk, theirs: readonly Hunk[]): Splice[] {
  const splices: Splice[] = [];
  let from = hunk.from;
  /** What to add to a position of the base behind all hunks so far. */
  let shift = 0;
  let at: number | undefined;
  for (const their of theirs) {
    if (their.from > hunk.to || (their.from === hunk.to && hunk.from < hunk.to)) break;
    if (their.from > hunk.from) {
      at ??= from + shift;
      if (their.from > from) splices.unshift(removal(from + shift, their.from - from));
    }
    from = Math.max(from, their.to);
    shift += their.insert.length - (their.to - their.from);
  }
  at ??= from + shift;
  if (hunk.to > from) splices.unshift(removal(from + shift, hunk.to - from));
  const first = splices.at(-1);
  if (hunk.insert === "") return splices;
  if (first?.at !== at) return [...splices, { at, remove: 0, insert: hunk.insert }];
  return [...splices.slice(0, -1), { ...first, insert: hunk.insert }];
}

function removal(at: number, remove: number): Splice {
  return { at, remove, insert: "" };
}
