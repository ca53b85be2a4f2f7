import { expect, test } from "vitest";
import { displayWidth } from "../../src/cli/terminal/display-width.ts";
import { noPaint } from "../../src/cli/terminal/paint.ts";
import { statusPage } from "../../src/cli/status-page.ts";
import { fakeStatus, peerA } from "./fake-daemon.ts";

const look = { columns: 80, rows: 24, now: 1_700_000_003_000, paint: noPaint };

test("the page fits 80x24 however much there is to say", () => {
  const lines = statusPage(fakeStatus(`/home/${"long/".repeat(40)}`), look);
  expect(lines.length).toBeLessThanOrEqual(23);
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(80);
  const text = lines.join("\n");
  for (const word of [
    peerA,
    "falcon",
    "home",
    "123,456",
    "10 alive",
    "pid",
    "3.0 s ago",
    "behind",
    "channels on sockets",
  ]) {
    expect(text).toContain(word);
  }
});

test("on a smaller terminal the page is cut, not scrolled", () => {
  expect(statusPage(fakeStatus("/data"), { ...look, rows: 12 })).toHaveLength(11);
});

test("what a person should not miss comes first", () => {
  const [, warning] = statusPage(fakeStatus("/data"), look);
  expect(warning).toMatch(/^warning {3}writes are refused/);
});

test("a healthy quiet node has no warnings", () => {
  const status = fakeStatus("/data");
  const healthy = {
    ...status,
    state: { ...status.state, quarantined: 0, forks: 0, writable: true, namespaces: [] },
    sync: { ...status.sync, lastEqualAt: null, missingTwice: 0 },
    clock: { offsetMs: null, leadMs: 0 },
    gossip: { topics: [] },
    addresses: [],
  };
  const text = statusPage(healthy, look).join("\n");
  expect(text).not.toContain("warning");
  expect(text).toContain("equal to a peer never");
});

test("names from the network are escaped", () => {
  const status = { ...fakeStatus("/data"), name: "x\u001b[2J" };
  expect(statusPage(status, look).join("\n")).not.toContain("\u001b");
});
