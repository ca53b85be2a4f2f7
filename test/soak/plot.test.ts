import { expect, test } from "vitest";
import { plotPage } from "../../scripts/soak/plot.ts";

test("a page has a panel for each quantity, a line for each node, and a gap where there is no value", () => {
  const points = [
    { x: 0, y: 1 },
    { x: 10, y: null },
    { x: 20, y: 2 },
  ];
  const lines = [
    { name: "node 0", points },
    { name: "node <1>", points: [] },
  ];
  const panels = ["memory", "store"].map((title) => ({ title, unit: "MiB", lines }));
  const page = plotPage("a soak", panels, 20_000);
  expect(page.match(/<g /g)).toHaveLength(2);
  expect(page).toContain("memory, MiB");
  expect(page).toContain("node &#60;1&#62;");
  expect(page).toMatch(/d="M0 [\d.]+M840 [\d.]+"/);
});
