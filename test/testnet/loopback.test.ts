import { expect, test } from "vitest";
import { canBind, listenAddresses } from "../../testnet/loopback.ts";

const hasWholeLoopback = await canBind("127.0.9.1");

test.runIf(hasWholeLoopback)("every node gets an address of its own", async () => {
  const addresses = await listenAddresses(20);
  expect(new Set(addresses).size).toBe(20);
  for (const address of addresses) expect(address).toMatch(/^\/ip4\/127\.0\.\d+\.\d+\/tcp\/0$/);
});

test.runIf(hasWholeLoopback)("a base says which", async () => {
  expect(await listenAddresses(2, "127.0.9")).toEqual([
    "/ip4/127.0.9.1/tcp/0",
    "/ip4/127.0.9.2/tcp/0",
  ]);
});

test("an address that is not this machine's cannot be bound", async () => {
  expect(await canBind("192.0.2.1")).toBe(false);
});

test.each(["127.0", "127.0.9.1", "10.0.0", "127.0.256", "127.0.", "127.0.x", ""])(
  "%j is no loopback network",
  async (base) => {
    await expect(listenAddresses(2, base)).rejects.toMatchObject({ code: "USAGE" });
  },
);
