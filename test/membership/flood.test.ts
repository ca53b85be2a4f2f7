/** What neighbours can make a node do. The limits are small here, since each statement of the test costs a signature. */
import { expect, test, vi } from "vitest";
import { encodeNews } from "../../src/protocol/membership/news.ts";
import { decodeProbeFrame, encodeProbeFrame } from "../../src/protocol/membership/probe-frames.ts";
import { signStatement, type Statement } from "../../src/protocol/membership/statement.ts";
import { identityOf, network, sees, Village, type Villager } from "./village.ts";

const newsBurst = 60;
vi.mock("../../src/core/limits.ts", async (original) => {
  const { limits } = await original<{ limits: object }>();
  return { limits: { ...limits, newsBurst: 60, strangersMax: 20 } };
});

const saying = (who: Villager, incarnation: number): Statement =>
  signStatement({ incarnation, left: false }, who.identity, network);

test("an accusation of a node is checked once, however often it comes", () => {
  const village = new Village(3);
  village.run(3_000);
  const [accused, teller] = [village.at(0), village.at(1)];
  const genuine = { statement: saying(accused, accused.incarnation), accused: true };
  const forged = { ...genuine, statement: { ...genuine.statement, signature: new Uint8Array(64) } };
  const news = [genuine, ...Array.from({ length: 200 }, () => forged)];
  const bytes = encodeProbeFrame({ kind: "table", wanted: false, news });
  village.feed(accused, { kind: "frame", peer: teller.identity.peer, bytes });
  expect(accused.charged).toEqual([]);
  expect(accused.incarnation).toBe(2);
});

test("statements and suspicions through one neighbour count alike against its limit, and not against others'", () => {
  const village = new Village(4);
  village.run(3_000);
  const [hearer, subject, flooder, other] = village.all;
  const taken = (from: Villager, incarnation: number): number => {
    const statement = saying(subject!, incarnation);
    const verdicts = [false, true].map((accused) => {
      const bytes = encodeNews({ statement, accused });
      return village.feed(hearer!, { kind: "gossip", peer: from.identity.peer, bytes });
    });
    return verdicts.filter((verdict) => verdict === "accept").length;
  };
  let sum = 0;
  for (let incarnation = 2; incarnation < 2 + newsBurst; incarnation++) {
    sum += taken(flooder!, incarnation);
  }
  expect(sum).toBe(newsBurst);
  expect(hearer!.counts.get("membership.news_over_rate")).toBe(newsBurst);
  expect(taken(other!, 1_000)).toBe(2);
});

test("of nodes without a card only so many are remembered, and told of", () => {
  const village = new Village(3);
  village.run(3_000);
  const [hearer, teller] = village.all;
  for (let index = 0; index < 50; index++) {
    const stranger = identityOf(`stranger ${index}`);
    const statement = signStatement({ incarnation: 1, left: false }, stranger, network);
    const bytes = encodeNews({ statement, accused: false });
    village.feed(hearer!, { kind: "gossip", peer: teller!.identity.peer, bytes });
  }
  let told = 0;
  village.drops = (from, _to, frame) => {
    const decoded = decodeProbeFrame(frame);
    if (from === hearer && decoded.kind === "table") told += decoded.news.length;
    return false;
  };
  const wanted = encodeProbeFrame({ kind: "table", wanted: true, news: [] });
  village.feed(hearer!, { kind: "frame", peer: teller!.identity.peer, bytes: wanted });
  expect(told).toBeLessThanOrEqual(3 + 20);
  expect(village.all.every((one) => one === hearer || sees(hearer!, one) === "alive")).toBe(true);
});
