import { expect, test, vi } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { watchRounds } from "./watch-rounds.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

test("a watcher that resumes at its cursor misses nothing and sees nothing twice, though the daemon was killed", async () => {
  const report = await watchRounds(temporaryFolder(), 3);
  expect(report).toMatchObject({ kills: 3, missed: [], repeated: 0 });
  expect(report.events).toBeGreaterThan(40);
});
