/**
 * Lists: aligned columns with a heading on a terminal; elsewhere one row per line, fields separated by tabs, no
 * heading, unrounded. Every field is escaped here, so that no row can pass for two.
 */
import { displayWidth, padEnd, padStart, truncate } from "./display-width.ts";
import { escapeText } from "./escape.ts";
import type { Paint, Style } from "./paint.ts";

export type Column<Row> = {
  readonly title: string;
  readonly plain: (row: Row) => string;
  /** For people; `plain` when absent. */
  readonly human?: (row: Row) => string;
  readonly style?: (row: Row) => Style | undefined;
  readonly right?: true;
  readonly widthMax?: number;
};

export type ListLook = { readonly tty: boolean; readonly paint: Paint };

export function listLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  look: ListLook,
): string[] {
  if (!look.tty) {
    return rows.map((row) => columns.map((column) => escapeText(column.plain(row))).join("\t"));
  }
  const cells = rows.map((row) =>
    columns.map((column) => {
      const text = escapeText((column.human ?? column.plain)(row));
      return column.widthMax === undefined ? text : truncate(text, column.widthMax);
    }),
  );
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => displayWidth(row[index] ?? ""))),
  );
  const line = (texts: readonly string[], styleOf: (index: number) => Style | undefined) =>
    texts
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const last = index === columns.length - 1;
        const padded = columns[index]?.right
          ? padStart(text, width)
          : last
            ? text
            : padEnd(text, width);
        const style = styleOf(index);
        return style === undefined ? padded : look.paint(style, padded);
      })
      .join("  ")
      .trimEnd();
  const heading = line(
    columns.map((column) => column.title),
    () => "bold",
  );
  return [
    heading,
    ...cells.map((row, at) => line(row, (index) => columns[index]?.style?.(rows[at]!))),
  ];
}
