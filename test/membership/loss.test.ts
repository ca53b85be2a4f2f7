/** What a node holds of others when frames or gossip were lost on the way. */
import { expect, test } from "vitest";
import { sees, Village, type Villager } from "./village.ts";

test("tables that were lost are exchanged again", () => {
  const village = new Village(2);
  for (const each of village.all) each.mute = true;
  village.run(5_000);
  for (const each of village.all) each.mute = false;
  const [a, b] = [village.at(0), village.at(1)];
  const knows = (one: Villager): boolean => sees(one, one === a ? b : a) === "alive";
  expect(village.until(knows, 8_000)).toBeLessThan(8_000);
  expect([...a.history, ...b.history].filter((line) => line.endsWith("failed"))).toEqual([]);
  village.run(60_000);
  const sent = village.all.map(({ frames }) => frames);
  village.run(60_000);
  // a ping and an answer each second, and no tables
  expect(Math.max(...village.all.map(({ frames }, index) => frames - sent[index]!))).toBeLessThan(
    125,
  );
});

test("a member that is told of as failed is not alive for a moment", () => {
  const village = new Village(4);
  const [victim, late] = [village.at(1), village.at(3)];
  village.run(3_000);
  village.kill(victim);
  village.kill(late);
  village.run(10_000);
  late.history.length = 0;
  village.start(late);
  for (const other of [village.at(0), village.at(2)]) village.connect(late, other);
  village.run(10_000);
  expect(late.history.filter((line) => line.startsWith("n1"))).toEqual(["n1 suspect", "n1 failed"]);
});
