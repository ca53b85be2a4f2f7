import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect, test, vi } from "vitest";
import type { WatchEvent } from "../../src/control/schema.ts";
import { toCoterieError } from "../../src/core/errors.ts";
import { seededRandom } from "../seeded-random.ts";
import { temporaryFolder } from "../temporary-folder.ts";
import { until, type DaemonProcess } from "./daemon-process.ts";
import { daemonOfTest } from "./fixture.ts";
import { connected, joining } from "./pair.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

/** What a watcher has seen of a daemon, through its deaths. */
class Watcher {
  readonly events: WatchEvent[] = [];

  /** Watches from the last cursor until the daemon dies or the signal aborts. */
  async follow({ client }: DaemonProcess, signal?: AbortSignal): Promise<void> {
    const cursor = this.events.at(-1)?.cursor ?? "0";
    const options = signal === undefined ? {} : { signal };
    try {
      for await (const event of client.kvWatch("default", { cursor }, options)) {
        this.events.push(event);
      }
    } catch (error) {
      const { code } = toCoterieError(error);
      if (code !== "UNREACHABLE" && code !== "ABORTED") throw error;
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
  const bothHaveAll = async (): Promise<boolean> =>
    isDeepStrictEqual(await contentsOf(watched), await contentsOf(writer));

  // killed under the watcher's eyes, with changes on their way to it
  const following = watcher.follow(watched);
  await writeSome();
  await until("something is seen", () => watcher.events.length > 0);
  const more = writeSome();
  await watched.kill();
  await Promise.all([more, following]);
  watched = await daemonOfTest({ dataDir });

  // killed after changes that came while nobody watched
  const away = new AbortController();
  const watching = watcher.follow(watched, away.signal);
  await until("it has caught up", bothHaveAll);
  away.abort();
  await watching;
  await writeSome();
  await until("they are on the watched daemon", bothHaveAll);
  await watched.kill();
  watched = await daemonOfTest({ dataDir });

  const last = watcher.follow(watched);
  await write();
  await until("both have all", bothHaveAll);
  const expected = await contentsOf(watched);
  await until("the watcher has seen it all", () => isDeepStrictEqual(watcher.state(), expected));
  await watched.kill();
  await last;
  const seen = watcher.events.map(({ key, stamp, deleted, cursor }) =>
    [key, deleted ? "deleted" : stamp, deleted ? cursor : ""].join(" "),
  );
  expect(seen.length).toBe(new Set(seen).size);
});
