/** Colours, on terminals only and never with NO_COLOR (no-color.org) or TERM=dumb. */
const codes = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33", cyan: "36" } as const;

export type Style = keyof typeof codes;
export type Paint = (style: Style, text: string) => string;

export const noPaint: Paint = (_style, text) => text;

export function paintFor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): Paint {
  if (stream.isTTY !== true || (env.NO_COLOR ?? "") !== "" || env.TERM === "dumb") return noPaint;
  return (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`;
}
