import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { crashRounds } from "./crash-rounds.ts";

test("kill -9 while adding and collecting loses nothing that is pinned, and damages nothing", async () => {
  const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`CRASH_SEED=${seed} draws these kills again`);
  const report = await crashRounds({ folder: temporaryFolder(), rounds: 4, seed });
  expect(report).toMatchObject({ lost: [], damaged: [] });
  expect(report.held).toBeGreaterThan(0);
}, 60_000);
