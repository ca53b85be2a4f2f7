/** SVG as text. All names and values are escaped here and nowhere else. */

type Attributes = Readonly<Record<string, string | number>>;

const special: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
/** XML has no way to write these. */
const unwritable = /[^\t\n\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu;

export function escaped(content: string): string {
  return content.replace(unwritable, "\ufffd").replace(/[&<>"']/g, (char) => special[char] ?? char);
}

/** Children are SVG already. */
export function element(name: string, attributes: Attributes, ...children: string[]): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    const shown = typeof value === "number" ? String(Math.round(value * 10) / 10) : value;
    return ` ${key}="${escaped(shown)}"`;
  });
  const start = `<${name}${written.join("")}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join("")}</${name}>`;
}

export function text(content: string, attributes: Attributes): string {
  return element("text", attributes, escaped(content));
}

/** What a pointer shows, and a screen reader says. */
export function title(content: string): string {
  return element("title", {}, escaped(content));
}

/** Of a text in the system's sans-serif, rather too wide than too narrow. */
export function textWidth(content: string, fontPx: number): number {
  return content.length * fontPx * 0.58;
}

/** Cut to a width, with an ellipsis. */
export function fitted(content: string, fontPx: number, widthPx: number): string {
  const fits = Math.max(1, Math.floor(widthPx / textWidth("x", fontPx)));
  return content.length <= fits ? content : `${content.slice(0, fits - 1)}…`;
}
