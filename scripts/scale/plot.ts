/** Curves over the size of the group, as SVG: a logarithmic axis below, panels side by side, legends under each. */
export type Series = {
  readonly label: string;
  readonly colour: string;
  /** Theory is dashed, what was measured on daemons is dots without a line. */
  readonly style: "line" | "dashed" | "dots";
  readonly points: readonly (readonly [number, number])[];
};

export type Panel = {
  readonly title: string;
  readonly unit: string;
  readonly scale: "log" | "linear";
  readonly series: readonly Series[];
};

const size = { width: 560, height: 330, left: 72, right: 30, top: 40, legendLine: 18, gap: 24 };
const plotHeight = size.height - size.top - 40;
const plotWidth = size.width - size.left - size.right;
const ink = "#222";
const grid = "#ddd";

export function svgOf(title: string, panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / 2);
  const legend = Math.max(...panels.map(({ series }) => Math.ceil(series.length / 2)));
  const cell = size.height + legend * size.legendLine + size.gap;
  const width = 2 * size.width + size.gap;
  const height = rows * cell + 40;
  const drawn = panels.map((panel, at) => {
    const x = (at % 2) * (size.width + size.gap);
    const y = 36 + Math.floor(at / 2) * cell;
    return `<g transform="translate(${x} ${y})">${panelOf(panel)}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(width / 2, 24, title, `text-anchor="middle" font-size="17" font-weight="600"`),
    ...drawn,
    "</svg>\n",
  ].join("\n");
}

function panelOf({ title, unit, scale, series }: Panel): string {
  const all = series.flatMap(({ points }) => points).filter(([, y]) => Number.isFinite(y));
  const xOf = axis(
    all.map(([x]) => x),
    "log",
    size.left,
    size.left + plotWidth,
  );
  const yOf = axis(
    all.map(([, y]) => y),
    scale,
    size.top + plotHeight,
    size.top,
  );
  const { left, top } = size;
  const bottom = top + plotHeight;
  const right = left + plotWidth;
  const ticks = [
    ...xOf.ticks.map(
      (x) =>
        `<path d="M${r(xOf.at(x))} ${top}V${bottom}" stroke="${grid}"/>` +
        text(xOf.at(x), bottom + 16, named(x), `text-anchor="middle"`),
    ),
    ...yOf.ticks.map(
      (y) =>
        `<path d="M${left} ${r(yOf.at(y))}H${right}" stroke="${grid}"/>` +
        text(left - 6, yOf.at(y) + 4, named(y), `text-anchor="end"`),
    ),
  ];
  return [
    text(left, top - 12, `${title} (${unit})`, `font-size="14" font-weight="600"`),
    ...ticks,
    `<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="${ink}"/>`,
    text(right, bottom + 32, "nodes", `text-anchor="end"`),
    ...series.map((one) => curveOf(one, xOf.at, yOf.at)),
    ...series.map((one, at) => legendOf(one, at, bottom + 46)),
  ].join("\n");
}

function curveOf(
  { colour, style, points }: Series,
  xOf: (x: number) => number,
  yOf: (y: number) => number,
): string {
  const shown = points.filter(([, y]) => Number.isFinite(y));
  const path = shown
    .map(([x, y], at) => `${at === 0 ? "M" : "L"}${r(xOf(x))} ${r(yOf(y))}`)
    .join("");
  const line = `<path d="${path}" ${stroke(colour, style)}/>`;
  const radius = style === "dots" ? 5 : 3;
  const fill = style === "dots" ? "#fff" : colour;
  const dots = shown.map(
    ([x, y]) =>
      `<circle cx="${r(xOf(x))}" cy="${r(yOf(y))}" r="${radius}" fill="${fill}" stroke="${colour}" stroke-width="2"/>`,
  );
  if (style === "dashed") return line;
  return style === "dots" ? dots.join("") : line + dots.join("");
}

function legendOf({ label, colour, style }: Series, at: number, y: number): string {
  const x = size.left + (at % 2) * (plotWidth / 2);
  const lineY = y + Math.floor(at / 2) * size.legendLine;
  const mark =
    style === "dots"
      ? `<circle cx="${x + 11}" cy="${lineY}" r="5" fill="#fff" stroke="${colour}" stroke-width="2"/>`
      : `<path d="M${x} ${lineY}h22" ${stroke(colour, style)}/>`;
  return mark + text(x + 28, lineY + 4, label, "");
}

function stroke(colour: string, style: Series["style"]): string {
  const dashes = style === "dashed" ? ` stroke-dasharray="6 4"` : "";
  return `fill="none" stroke="${colour}" stroke-width="2"${dashes}`;
}

type Axis = { readonly ticks: readonly number[]; at(value: number): number };

function axis(values: readonly number[], scale: Panel["scale"], from: number, to: number): Axis {
  if (scale === "linear") {
    const step = roundStep(Math.max(...values) / 5);
    const end = Math.ceil((Math.max(...values) * 1.02) / step) * step;
    const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, at) => at * step);
    return { ticks, at: (value) => from + (value / end) * (to - from) };
  }
  const low = Math.floor(Math.log10(Math.min(...values)) + 1e-9);
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values)) - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => 10 ** (low + at));
  return { ticks, at: (value) => from + ((Math.log10(value) - low) / (high - low)) * (to - from) };
}

/** 1, 2 or 5 times a power of ten, not below. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5].find((factor) => factor * power >= step) ?? 10) * power;
}

function named(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString("en");
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${r(x)}" y="${r(y)}" ${attributes}>${escaped}</text>`;
}

function r(value: number): number {
  return Math.round(value * 10) / 10;
}
