/** What a node holds of others when frames or gossip were lost on the way. */
import { expect, test } from "vitest";
import { encodeNews } from "../../src/protocol/membership/news.ts";
import { signStatement } from "../../src/protocol/membership/statement.ts";
import { network, sees, Village, type Villager } from "./village.ts";

const accusing = (who: Villager) => ({
  statement: signStatement({ incarnation: who.incarnation, left: false }, who.identity, network),
  accused: true,
});

/** Connected in full but for these two. */
function apart(count: number, one: number, other: number): Village {
  const village = new Village(count, { areConnected: false });
  for (const a of village.all) {
    for (const b of village.all.slice(village.all.indexOf(a) + 1)) {
      if (a !== village.at(one) || b !== village.at(other)) village.connect(a, b);
    }
  }
  return village;
}

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
test("a suspicion whose refutation did not come by gossip is taken back by a neighbour's word", () => {
  const village = apart(6, 1, 4);
  village.run(4_000);
  const [teller, deaf, suspect] = [village.at(0), village.at(1), village.at(4)];
  village.publish(teller, encodeNews(accusing(suspect)));
  village.run(5);
  expect(sees(deaf, suspect)).toBe("suspect");
  deaf.deaf = true;
  village.run(30_000);
  expect(suspect.incarnation).toBe(2);
  expect(sees(deaf, suspect)).toBe("alive");
  expect(deaf.history).not.toContain("n4 failed");
});

test("a suspect that is connected says itself that it refuted, where that did not come by gossip", () => {
  const village = new Village(6);
  village.run(4_000);
  const [teller, deaf, suspect] = [village.at(0), village.at(1), village.at(4)];
  village.publish(teller, encodeNews(accusing(suspect)));
  village.run(5);
  expect(sees(deaf, suspect)).toBe("suspect");
  deaf.deaf = true;
  village.run(30_000);
  expect(suspect.incarnation).toBe(2);
  expect(sees(deaf, suspect)).toBe("alive");
  expect(deaf.history).not.toContain("n4 failed");
});

test("who was failed wrongly, since nothing came through for long, is alive again later", () => {
  const village = apart(6, 1, 4);
  village.run(4_000);
  const [deaf, suspect] = [village.at(1), village.at(4)];
  village.publish(village.at(0), encodeNews(accusing(suspect)));
  village.run(5);
  deaf.deaf = true;
  deaf.mute = true;
  village.run(10_000);
  expect(sees(deaf, suspect)).toBe("failed");
  deaf.mute = false;
  expect(village.until(() => sees(deaf, suspect) === "alive", 40_000)).toBeLessThan(40_000);
});

test("a member that is gone is asked about for a while, and then no more", () => {
  const village = new Village(6);
  village.run(4_000);
  const quiet = (): number => {
    const before = village.all.reduce((sum, { frames }) => sum + frames, 0);
    village.run(60_000);
    return village.all.reduce((sum, { frames }) => sum + frames, 0) - before;
  };
  village.kill(village.at(3));
  village.run(200_000);
  const later = quiet();
  // four of five are watched by three of the others, in a ping and its answer
  expect(later).toBeLessThanOrEqual(5 * 3 * 2 * 61);
  expect(quiet()).toBeLessThanOrEqual(later + 30);
});

test("a newcomer whose statement did not come by gossip is asked for before it is given up", () => {
  const village = new Village(5, { areConnected: false });
  const [deaf, newcomer] = [village.at(1), village.at(4)];
  deaf.deaf = true;
  for (const a of village.all.slice(0, 4)) {
    for (const b of village.all.slice(0, 4)) if (a !== b) village.connect(a, b);
  }
  village.run(4_000);
  village.connect(village.at(0), newcomer);
  village.run(20_000);
  expect(sees(deaf, newcomer)).toBe("alive");
  expect(deaf.history).not.toContain("n4 failed");
});

test("a newcomer is not announced by every neighbour of it", () => {
  const village = new Village(20, { areConnected: false });
  const [newcomer, ...others] = village.all;
  for (const [index, one] of others.entries()) {
    for (const other of others.slice(index + 1)) village.connect(one, other);
  }
  village.run(4_000);
  const before = others.map(({ published }) => published);
  for (const other of others) village.connect(newcomer!, other);
  expect(
    village.until((one) => one === newcomer || sees(one, newcomer!) === "alive", 5_000),
  ).toBeLessThan(500);
  village.run(2_000);
  const told = others.reduce((sum, { published }, index) => sum + published - before[index]!, 0);
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(5);
});
