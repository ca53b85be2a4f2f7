/** Columns that text takes on a terminal: two for wide characters (UAX 11) and emoji, none for combining marks. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const none = /\p{Mn}|\p{Me}|\p{Cf}/u;

function columnsOf(character: string): number {
  if (character <= "~") return 1;
  if (none.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** At most `columns` wide, with an ellipsis for what is left out. */
export function truncate(text: string, columns: number): string {
  if (text.length <= columns && displayWidth(text) <= columns) return text;
  let width = 0;
  let out = "";
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns - 1) break;
    out += character;
  }
  return `${out}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - displayWidth(text)));
}

export function padStart(text: string, columns: number): string {
  return " ".repeat(Math.max(0, columns - displayWidth(text))) + text;
}
