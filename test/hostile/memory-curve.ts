/** Memory of this process over time, as CSV and as a small picture. */
import { memoryUsage } from "node:process";

export type Sample = { readonly ms: number; readonly rssMiB: number; readonly heapMiB: number };

export class MemoryCurve {
  readonly samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #began = performance.now();

  constructor(everyMs: number) {
    this.#take();
    this.#timer = setInterval(() => this.#take(), everyMs);
  }

  stop(): void {
    this.#take();
    clearInterval(this.#timer);
  }

  /** Mean of a field over a part of the time, from 0 to 1. */
  mean(field: "rssMiB" | "heapMiB", from: number, to: number): number {
    const { length } = this.samples;
    const part = this.samples.slice(Math.floor(length * from), Math.max(1, Math.ceil(length * to)));
    return part.reduce((sum, sample) => sum + sample[field], 0) / part.length;
  }

  csv(): string {
    const rows = this.samples.map(({ ms, rssMiB, heapMiB }) => `${ms},${rssMiB},${heapMiB}`);
    return ["ms,rss_mib,heap_mib", ...rows, ""].join("\n");
  }

  svg(): string {
    const [width, height, left, bottom] = [640, 240, 48, 24];
    const last = this.samples.at(-1)?.ms ?? 1;
    const most = Math.ceil(Math.max(...this.samples.map(({ rssMiB }) => rssMiB)) / 50) * 50;
    const x = (ms: number): number => left + (ms / last) * (width - left - 8);
    const y = (mib: number): number => 8 + (1 - mib / most) * (height - bottom - 8);
    const line = (field: "rssMiB" | "heapMiB", colour: string): string => {
      const points = this.samples.map(
        (each) => `${x(each.ms).toFixed(1)},${y(each[field]).toFixed(1)}`,
      );
      return `<polyline fill="none" stroke="${colour}" points="${points.join(" ")}"/>`;
    };
    const text = (at: number, up: number, words: string): string =>
      `<text x="${at}" y="${up}" font-family="sans-serif" font-size="11">${words}</text>`;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`,
      `<rect width="100%" height="100%" fill="white"/>`,
      `<path d="M${left} 8V${height - bottom}H${width - 8}" fill="none" stroke="black"/>`,
      text(4, 16, `${most} MiB`),
      text(width - 60, height - 8, `${Math.round(last / 1_000)} s`),
      line("rssMiB", "firebrick"),
      line("heapMiB", "steelblue"),
      text(left + 8, 20, "resident (red), heap (blue)"),
      "</svg>",
      "",
    ].join("\n");
  }

  #take(): void {
    const { rss, heapUsed } = memoryUsage();
    const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
    const ms = Math.round(performance.now() - this.#began);
    this.samples.push({ ms, rssMiB: mib(rss), heapMiB: mib(heapUsed) });
  }
}
