import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import type { WatchEvent } from "../../src/control/schema.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";

/** What a watcher has seen of a daemon, through its deaths. */
class Watcher {
  readonly events: WatchEvent[] = [];

  /** Watches until the daemon dies. */
  async follow({ client }: DaemonProcess): Promise<void> {
    const cursor = this.events.at(-1)?.cursor ?? "0";
    try {
      for await (const event of client.kvWatch("default", { cursor })) this.events.push(event);
    } catch {
      // killed; the next one is followed from the cursor
    }
  }

  /** Key and value by what was seen last. */
  state(): Map<string, unknown> {
    const state = new Map<string, unknown>();
    for (const { key, deleted, value } of this.events) {
      if (deleted) state.delete(key);
      else state.set(key, value);
    }
    return state;
  }
}

async function contentsOf({ client }: DaemonProcess): Promise<Map<string, unknown>> {
  const { items } = await client.kvList("default", {});
  return new Map(items.map(({ key, value }) => [key, value]));
}

test("a watcher that resumes at its cursor misses nothing and sees nothing twice, though the daemon was killed", async () => {
  const folder = temporaryFolder();
  const random = seededRandom(7);
  const writer = await daemonOfTest({ dataDir: join(folder, "writer") });
  const dataDir = join(folder, "watched");
  let watched = await daemonOfTest({ dataDir, words: await joining(writer) });
  await connected(writer, watched);

  let lastValue = 0;
  const write = async (): Promise<void> => {
    const key = `key-${Math.floor(random.float() * 40)}`;
    if (random.float() < 0.2) await writer.client.kvDelete("default", key);
    else {
      const bytes = Buffer.from(String(++lastValue));
      await writer.client.kvPut("default", key, { kind: "text", bytes });
    }
  };
  const watcher = new Watcher();
  const writeSome = async (): Promise<void> => {
    for (let count = 0; count < 10; count++) await Promise.all([write(), write(), write()]);
  };
  for (const round of ["first", "second"]) {
    const following = watcher.follow(watched);
    const before = watcher.events.length;
    await writeSome();
    await until(`something of the ${round} round is seen`, () => watcher.events.length > before);
    const more = writeSome();
    await watched.kill();
    await Promise.all([more, following]);
    watched = await daemonOfTest({ dataDir });
  }
  void watcher.follow(watched);
  await write();
  const expected = await contentsOf(writer);
  await until("the watcher has seen it all", () => isDeepStrictEqual(watcher.state(), expected));
  expect(await contentsOf(watched)).toEqual(expected);
  const seen = watcher.events.map(({ key, stamp, deleted, cursor }) =>
    [key, deleted ? "deleted" : stamp, deleted ? cursor : ""].join(" "),
  );
  expect(seen.length).toBe(new Set(seen).size);
}, 60_000);
