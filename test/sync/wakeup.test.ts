import { expect, test } from "vitest";
import { others, Puppet } from "./puppet.ts";

test("a wakeup that comes early asks for the same time again", () => {
  const puppet = new Puppet();
  puppet.up(others[0]!);
  puppet.pass(100);
  puppet.effects.length = 0;
  puppet.handle({ kind: "wakeup" });
  const [asked] = puppet.effects.filter(({ kind }) => kind === "wakeup");
  expect(asked).toMatchObject({ atMs: expect.any(Number) });
  puppet.effects.length = 0;
  puppet.handle({ kind: "wakeup" });
  expect(puppet.effects).toContainEqual(asked);
});
