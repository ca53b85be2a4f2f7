/** What the colours and shapes mean. */
import { faint, leftPx, smallPx, type Part } from "./frame.ts";
import { silentColour } from "./lanes.ts";
import { failedColour, okColour } from "./marks.ts";
import { element, text, textWidth } from "./svg.ts";

const sidePx = 12;
const gapPx = 22;

type Item = { readonly label: string; readonly colours: readonly string[]; readonly round?: true };

const items: readonly Item[] = [
  { label: "same colour at the same time: equal digests", colours: ["#4e79a7", "#f28e2b"] },
  { label: "does not answer", colours: [silentColour] },
  { label: "expectation held", colours: [okColour], round: true },
  { label: "expectation or step failed", colours: [failedColour] },
  { label: "states: how many different digests there are", colours: ["#afb8c1"] },
];

export function legend(): Part {
  let x = leftPx;
  const drawn = items.map(({ label, colours, round }) => {
    const boxes = colours.map((fill, at) =>
      element("rect", {
        x: x + at * sidePx,
        y: 0,
        width: sidePx,
        height: sidePx,
        rx: round === true ? sidePx / 2 : 0,
        fill,
      }),
    );
    const textX = x + colours.length * sidePx + 5;
    x = textX + textWidth(label, smallPx) + gapPx;
    return boxes.join("") + text(label, { x: textX, y: 10, "font-size": smallPx, fill: faint });
  });
  return { heightPx: sidePx, svg: drawn.join("") };
}
