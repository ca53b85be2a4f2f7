/** A page of plots as SVG: one panel a quantity, one line a node, time to the right. */
export type Line = { readonly name: string; readonly points: readonly Point[] };
/** Seconds and value; a gap where the value is null. */
export type Point = { readonly x: number; readonly y: number | null };
export type Panel = {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly Line[];
};

const width = 1_000;
const panelHeight = 170;
const margin = { left: 70, right: 90, top: 34, bottom: 26 };
const plotWidth = width - margin.left - margin.right;
const plotHeight = panelHeight - margin.top - margin.bottom;
/** Told apart by people with any kind of colour vision (Okabe and Ito, 2008), then grey. */
const colours = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#000000",
  "#999999",
];

export function plotPage(title: string, panels: readonly Panel[], forMs: number): string {
  const height = 40 + panels.length * panelHeight;
  const seconds = forMs / 1_000;
  const body = panels.map((panel, at) => panelSvg(panel, seconds, 40 + at * panelHeight));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="white"/>
<text x="${margin.left}" y="24" font-size="16">${escapeXml(title)}</text>
${body.join("\n")}
</svg>
`;
}

function panelSvg({ title, unit, lines }: Panel, seconds: number, top: number): string {
  const values = lines.flatMap(({ points }) => points.flatMap(({ y }) => y ?? []));
  const most = niceTop(Math.max(1, ...values));
  const toX = (x: number): number => round((x / seconds) * plotWidth);
  const toY = (y: number): number => round(plotHeight * (1 - y / most));
  const grid = [0, 0.5, 1].map((part) => {
    const y = toY(most * part);
    return `<path d="M0 ${y}H${plotWidth}" stroke="#ddd"/><text x="-6" y="${y + 4}" text-anchor="end">${label(most * part)}</text>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<text x="${plotWidth * part}" y="${plotHeight + 16}" text-anchor="middle">${timeLabel(seconds * part)}</text>`,
  );
  const drawn = lines.map(
    ({ points }, at) =>
      `<path d="${pathOf(points, toX, toY)}" fill="none" stroke="${colourOf(at)}" stroke-width="1.2"/>`,
  );
  const names = lines.map(
    ({ name }, at) =>
      `<text x="${plotWidth + 8}" y="${8 + at * 14}" fill="${colourOf(at)}">${escapeXml(name)}</text>`,
  );
  const heading = `<text y="-8" font-size="13">${escapeXml(title)}${unit === "" ? "" : `, ${unit}`}</text>`;
  const parts = [heading, ...grid, ...ticks, ...drawn, ...names].join("\n");
  return `<g transform="translate(${margin.left} ${top + margin.top})">\n${parts}\n</g>`;
}

function pathOf(
  points: readonly Point[],
  toX: (x: number) => number,
  toY: (y: number) => number,
): string {
  let pen = "M";
  return points
    .map(({ x, y }) => {
      if (y === null) {
        pen = "M";
        return "";
      }
      const step = `${pen}${toX(x)} ${toY(y)}`;
      pen = "L";
      return step;
    })
    .join("");
}

function colourOf(at: number): string {
  return colours[at % colours.length] ?? "#000000";
}

/** The next of 1, 2, 5, 10, 20, ... */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function label(value: number): string {
  return value >= 10_000 ? `${round(value / 1_000)}k` : String(round(value));
}

function timeLabel(seconds: number): string {
  return seconds >= 120 ? `${round(seconds / 60)} min` : `${Math.round(seconds)} s`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
