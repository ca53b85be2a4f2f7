/** Edits of a text: at a place, so many units away, this text in. */

/** Units are UTF-16, positions from 0. Of several each counts in the text as the ones before left it. */
export type Splice = { readonly at: number; readonly remove: number; readonly insert: string };

/**
 * What one update may hold, so that it stays under the limit of a value in any case: a struct takes 40 bytes at most
 * beside its text, a deleted unit in a range of its own 14, a unit of text 3.
 */
const portionMax = { splices: 1_000, inserted: 16_384, removed: 8_192 };

/** Cuts edits into portions, large ones into several that do the same one after the other. */
export function* portions(splices: Iterable<Splice>): Generator<Splice[]> {
  let portion: Splice[] = [];
  let inserted = 0;
  let removed = 0;
  for (const splice of pieces(splices)) {
    const fits =
      portion.length < portionMax.splices &&
      inserted + splice.insert.length <= portionMax.inserted &&
      removed + splice.remove <= portionMax.removed;
    if (!fits) {
      yield portion;
      portion = [];
      inserted = 0;
      removed = 0;
    }
    portion.push(splice);
    inserted += splice.insert.length;
    removed += splice.remove;
  }
  if (portion.length > 0) yield portion;
}

function* pieces(splices: Iterable<Splice>): Generator<Splice> {
  for (const { at, remove, insert } of splices) {
    let rest = remove;
    for (; rest > portionMax.removed; rest -= portionMax.removed) {
      yield { at, remove: portionMax.removed, insert: "" };
    }
    let from = 0;
    while (insert.length - from > portionMax.inserted) {
      const to = wholeCharacters(insert, from + portionMax.inserted);
      yield { at: at + from, remove: rest, insert: insert.slice(from, to) };
      rest = 0;
      from = to;
    }
    yield { at: at + from, remove: rest, insert: insert.slice(from) };
  }
}

/** The position, or one less where it would cut a character of two units. */
export function wholeCharacters(text: string, at: number): number {
  return cutsPair(text, at) ? at - 1 : at;
}

/** True when the unit before this position and the one after it are one character. */
export function cutsPair(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}
