/** What a node holds of others when frames or gossip were lost on the way. */
import { expect, test } from "vitest";
import { Village } from "./village.ts";

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
