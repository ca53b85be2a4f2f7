import { expect, test, vi } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { coterie } from "./command.ts";
import { daemonOfTest } from "./fixture.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

test("a second daemon on one data directory is refused at once, and the first is unharmed", async () => {
  const dataDir = temporaryFolder();
  const first = await daemonOfTest({ dataDir });
  const value = { kind: "text", bytes: Buffer.from("kept") } as const;
  await first.client.kvPut("default", "before", value);

  const up = ["up", "--no-mdns", "--listen", "/ip4/127.0.0.1/tcp/0"];
  const second = await coterie(up, { dataDir });
  expect({ code: second.code, out: second.out }).toEqual({ code: 1, out: "" });
  const hint =
    "see it with: coterie status; stop it with: coterie down; or choose another --data-dir";
  expect(second.err).toBe(`coterie: process ${first.pid} already uses ${dataDir}; ${hint}\n`);
  const coded = await coterie([...up, "--json"], { dataDir });
  expect(coded.code).toBe(1);
  expect(JSON.parse(coded.err)).toMatchObject({ error: { code: "ALREADY_RUNNING" } });

  await first.client.kvPut("default", "after", value);
  const { items } = await first.client.kvList("default", {});
  expect(items.map(({ key, value: found }) => [key, found])).toEqual([
    ["after", "kept"],
    ["before", "kept"],
  ]);
  expect(first.log().map(({ message }) => message)).toEqual(["ready"]);
});
