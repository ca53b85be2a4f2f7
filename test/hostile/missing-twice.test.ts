/** Ids that a peer announces and does not give: remembered, asked for rarely, and seen in `status`. */
import { expect, test } from "vitest";
import { startNode, until } from "../driver/fixture.ts";
import { MeshNet } from "../driver/mesh-net.ts";
import { register, testWriter } from "../state/fixture.ts";
import { emptyClaims } from "./protocol-attacks.ts";

test("an id that is missing twice shows, and is asked for no more often than the back-off allows", async () => {
  const node = startNode("victim");
  const keys = Array.from({ length: 60 }, (_, index) => register(`k ${index}`, "v"));
  await node.driver.write("default", keys);
  const writer = testWriter("liar");
  const net = new MeshNet(writer.identity.peer);
  emptyClaims.answer?.({ name: "liar", writer, net, victims: [], random: () => 0.5 });
  net.connect(node.net);
  const ended = (count: number): Promise<void> =>
    until(() => {
      const { sessions, active } = node.driver.syncStatus();
      return sessions >= count && active === 0;
    });
  await ended(1);
  expect(node.driver.syncStatus().missingTwice).toBe(0);
  const before = node.driver.syncStatus().sessions;
  node.clock.aheadMs += 5_000;
  await ended(before + 1);
  expect(node.driver.syncStatus().missingTwice).toBe(0);
  node.clock.aheadMs += 31_000;
  await until(() => node.driver.syncStatus().missingTwice > 0);
  expect(node.driver.syncStatus().missingTwice).toBeLessThanOrEqual(40);
  expect(node.net.banned.size).toBe(0);
});
