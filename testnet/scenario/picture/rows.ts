/** Puts things that take up room from left to right into as few rows as keep them apart. */

export type Extent = { readonly fromPx: number; readonly toPx: number };

const gapPx = 6;

/** The row of each, first fit in the given order. */
export function packed(extents: readonly Extent[]): number[] {
  const ends: number[] = [];
  return extents.map(({ fromPx, toPx }) => {
    const free = ends.findIndex((end) => end + gapPx <= fromPx);
    const row = free < 0 ? ends.length : free;
    ends[row] = toPx;
    return row;
  });
}
