/** The measures of the picture, in pixels, and its time axis. */
import { element, text } from "./svg.ts";

export const widthPx = 1_200;
export const leftPx = 96;
export const rightPx = 1_176;
export const ink = "#24292f";
export const faint = "#6e7781";
export const smallPx = 11;

/** Part of the picture, drawn from `y` 0 downwards. */
export type Part = { readonly heightPx: number; readonly svg: string };

/** Where times are. */
export class Scale {
  readonly endMs: number;

  constructor(endMs: number) {
    this.endMs = Math.max(1, endMs);
  }

  x(ms: number): number {
    const share = Math.min(1, Math.max(0, ms / this.endMs));
    return leftPx + share * (rightPx - leftPx);
  }

  /** At most ten and a few, at round times. */
  ticks(): number[] {
    const stepMs = roundSteps.find((step) => this.endMs / step <= 12) ?? this.endMs / 10;
    return Array.from({ length: Math.floor(this.endMs / stepMs) + 1 }, (_, at) => at * stepMs);
  }
}

const roundSteps = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5];

export function seconds(ms: number): string {
  return `${Number((ms / 1_000).toFixed(1))} s`;
}

/** Lines through everything above, and the times below. */
export function axis(scale: Scale, topPx: number, bottomPx: number): string {
  return scale
    .ticks()
    .map((ms) => {
      const x = scale.x(ms);
      return (
        element("line", { x1: x, x2: x, y1: topPx, y2: bottomPx, stroke: "#d8dee4" }) +
        text(seconds(ms), {
          x,
          y: bottomPx + 16,
          "font-size": smallPx,
          fill: faint,
          "text-anchor": "middle",
        })
      );
    })
    .join("");
}

/** To the left of the plot. */
export function caption(content: string, middlePx: number, fontPx = smallPx): string {
  return text(content, {
    x: leftPx - 10,
    y: middlePx + fontPx * 0.36,
    "font-size": fontPx,
    fill: ink,
    "text-anchor": "end",
  });
}
