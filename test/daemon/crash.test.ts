import { expect, test } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { crashRounds } from "./crash-rounds.ts";
import { WriteHistory } from "./write-history.ts";

test("kill -9 under load loses nothing acknowledged, and the writer goes on as itself", async () => {
  const seed = Number(process.env["CRASH_SEED"] ?? Date.now() % 2 ** 31);
  console.log(`CRASH_SEED=${seed} draws these kills again`);
  const report = await crashRounds({ folder: temporaryFolder(), rounds: 8, seed });
  expect(report.rounds.flatMap(({ lost }) => lost)).toEqual([]);
  expect(report).toMatchObject({ lost: 0, forks: 0, equalDigests: true });
  expect(report.acknowledged).toBeGreaterThan(100);
}, 90_000);

test("an acknowledged write that is gone is seen", () => {
  const history = new WriteHistory();
  history.acknowledge(history.begin("a", "1"));
  history.acknowledge(history.begin("a", "2"));
  history.crashed();
  expect(history.judge(new Map([["a", "1"]]))).toEqual(["a: 1"]);
  expect(history.judge(new Map([["a", "1"]]))).toEqual([]);
  expect(history.judge(new Map())).toEqual(["a: nothing"]);
});

test("a deletion undone, a write undone and a value never written are seen", () => {
  const history = new WriteHistory();
  history.acknowledge(history.begin("a", "1"));
  history.acknowledge(history.begin("a", undefined));
  history.crashed();
  expect(history.judge(new Map([["a", "1"]]))).toEqual(["a: 1"]);
  expect(history.judge(new Map([["a", "3"]]))).toEqual(["a: 3"]);
  expect(history.judge(new Map([["b", "1"]]))).toEqual(["a: nothing", "b: 1"]);
});

test("of writes in flight, each may have won or none", () => {
  for (const found of [undefined, "1", "2", "3"]) {
    const history = new WriteHistory();
    const [first] = ["1", "2", "3"].map((value) => history.begin("a", value));
    if (found !== undefined && first !== undefined) history.acknowledge(first);
    history.crashed();
    expect(history.judge(new Map(found === undefined ? [] : [["a", found]]))).toEqual([]);
  }
});
