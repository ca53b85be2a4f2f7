/** A watcher of a daemon that is killed again and again: what it saw, beside what there was to see. */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { WatchEvent } from "../../src/control/schema.ts";
import { toCoterieError } from "../../src/core/errors.ts";
import { seededRandom } from "../seeded-random.ts";
import { launchDaemon, until, type DaemonProcess } from "./daemon-process.ts";
import { connected, joining } from "./pair.ts";

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

  /** How many of its events tell again of a change that one before them told of. */
  repeated(): number {
    const told = this.events.map(({ key, stamp, deleted, cursor }) =>
      [key, deleted ? "deleted" : stamp, deleted ? cursor : ""].join(" "),
    );
    return told.length - new Set(told).size;
  }
}

async function contentsOf({ client }: DaemonProcess): Promise<Map<string, unknown>> {
  const { items } = await client.kvList("default", {});
  return new Map(items.map(({ key, value }) => [key, value]));
}

class Scene {
  readonly watcher = new Watcher();
  readonly #random = seededRandom(7);
  readonly #writer: DaemonProcess;
  #lastValue = 0;

  constructor(writer: DaemonProcess) {
    this.#writer = writer;
  }

  async write(): Promise<void> {
    const { client } = this.#writer;
    const key = `key-${Math.floor(this.#random.float() * 40)}`;
    if (this.#random.float() < 0.2) await client.kvDelete("default", key);
    else {
      const bytes = Buffer.from(String(++this.#lastValue));
      await client.kvPut("default", key, { kind: "text", bytes });
    }
  }

  async writeSome(): Promise<void> {
    for (let count = 0; count < 10; count++) {
      await Promise.all([this.write(), this.write(), this.write()]);
    }
  }

  async equals(watched: DaemonProcess): Promise<boolean> {
    return isDeepStrictEqual(await contentsOf(watched), await contentsOf(this.#writer));
  }

  /** Killed under the watcher's eyes, with changes on their way to it. */
  async killWatched(watched: DaemonProcess): Promise<void> {
    const seenBefore = this.watcher.events.length;
    const following = this.watcher.follow(watched);
    await this.writeSome();
    await until("something is seen", () => this.watcher.events.length > seenBefore);
    const more = this.writeSome();
    await watched.kill();
    await Promise.all([more, following]);
  }

  /** Killed after changes that came while nobody watched. */
  async killUnwatched(watched: DaemonProcess): Promise<void> {
    const away = new AbortController();
    const watching = this.watcher.follow(watched, away.signal);
    await until("it has caught up", () => this.equals(watched));
    away.abort();
    await watching;
    await this.writeSome();
    await until("they are on the watched daemon", () => this.equals(watched));
    await watched.kill();
  }
}

export type WatchReport = {
  readonly kills: number;
  readonly events: number;
  /** Keys whose final state was never told, or not as it is. */
  readonly missed: readonly string[];
  readonly repeated: number;
};

export async function watchRounds(folder: string, kills: number): Promise<WatchReport> {
  const writer = await launchDaemon({ dataDir: join(folder, "writer") });
  const dataDir = join(folder, "watched");
  let watched = await launchDaemon({ dataDir, words: await joining(writer) });
  try {
    await connected(writer, watched);
    const scene = new Scene(writer);
    const { watcher } = scene;
    for (let round = 0; round < kills; round++) {
      if (round % 2 === 0) await scene.killWatched(watched);
      else await scene.killUnwatched(watched);
      watched = await launchDaemon({ dataDir });
    }
    const last = watcher.follow(watched);
    await scene.write();
    await until("both have all", () => scene.equals(watched));
    const expected = await contentsOf(watched);
    const sawAll = (): boolean => isDeepStrictEqual(watcher.state(), expected);
    // what it has not seen by the deadline it has missed
    await until("the watcher has seen it all", sawAll).catch(() => undefined);
    await watched.kill();
    await last;
    const seen = watcher.state();
    const keys = new Set([...seen.keys(), ...expected.keys()]);
    const missed = [...keys].filter((key) => !isDeepStrictEqual(seen.get(key), expected.get(key)));
    return { kills, events: watcher.events.length, missed, repeated: watcher.repeated() };
  } finally {
    await Promise.all([writer.kill(), watched.kill()]);
  }
}
