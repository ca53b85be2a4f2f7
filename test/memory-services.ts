/** The services room over members, state and tunnels in memory; its targets and local ports are real. */
import { CoterieError } from "../src/core/errors.ts";
import type { Log, PeerName } from "../src/core/ports.ts";
import { systemClock } from "../src/host/clock.ts";
import { createMetrics } from "../src/host/metrics.ts";
import { systemRandom } from "../src/host/random.ts";
import { channelPair } from "../src/share/services/channel-pair.ts";
import type { Notices, Standing, TunnelChannel } from "../src/share/services/ports.ts";
import { Services } from "../src/share/services/services.ts";

export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  trace: () => {},
  child: () => silentLog,
};

type Member = {
  standing: Standing;
  tags: Record<string, string>;
  barred: boolean;
  take: ((channel: TunnelChannel) => void) | undefined;
  /** Open ends of its tunnels, to be lost when it is killed. */
  readonly open: Set<TunnelChannel>;
};

/** Peer ids of Ed25519 keys, since rules take no others. */
const peers = [
  "12D3KooWGRUaeTLvNtLh5bYkQKXGR9AsYhbQQSHkGPVtbbDJMSbk",
  "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5",
  "12D3KooWCKhy6ehBcUsVBG8q7J7snY87u46iesqb1Dg7kPgM4ExG",
];

export class Village {
  readonly #members = new Map<PeerName, Member>();
  readonly #notices = new Map<string, { peer: PeerName; service: string; text: string }>();
  readonly #listeners = new Set<() => void>();
  /** What each node keeps in its file; by peer, so that a node can be started again. */
  readonly files = new Map<PeerName, string>();

  peer(index: number): PeerName {
    return peers[index]!;
  }

  member(peer: PeerName): Member {
    const known = this.#members.get(peer);
    if (known !== undefined) return known;
    const made: Member = {
      standing: "alive",
      tags: {},
      barred: false,
      take: undefined,
      open: new Set(),
    };
    this.#members.set(peer, made);
    return made;
  }

  change(peer: PeerName, changes: Partial<Omit<Member, "open">>): void {
    Object.assign(this.member(peer), changes);
    this.#tell();
  }

  /** As a crash: nobody is told, and every tunnel is lost. */
  kill(peer: PeerName): void {
    const member = this.member(peer);
    member.take = undefined;
    for (const channel of member.open) channel.abort(new CoterieError("UNREACHABLE", "killed"));
  }

  /** Services of one node; the caller stops them. */
  services(peer: PeerName, gateway: string = "off", answerMs: number = 60_000): Services {
    return new Services(
      {
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
        metrics: createMetrics(),
        transport: {
          open: async (to, signal) => this.#open(peer, to, signal),
          on: (take) => void (this.member(peer).take = take),
        },
        members: {
          self: peer,
          nameOf: (one) => `node-${peers.indexOf(one)}`,
          tagsOf: (one) => this.member(one).tags,
          standingOf: (one) => this.member(one).standing,
          isBarred: (one) => this.member(one).barred,
          find: (text) => this.#find(text),
          onChange: (listener) => this.#listen(listener),
        },
        notices: this.#noticesOf(peer),
        file: {
          read: async () => this.files.get(peer),
          write: async (text) => void this.files.set(peer, text),
        },
      },
      { listen: gateway, answerMs: () => answerMs },
    );
  }

  #open(from: PeerName, to: PeerName, signal: AbortSignal): TunnelChannel {
    const { take } = this.member(to);
    signal.throwIfAborted();
    if (take === undefined) throw new CoterieError("UNREACHABLE", "nobody is there");
    const [near, far] = channelPair(to);
    for (const one of [from, to]) this.member(one).open.add(near);
    take({ ...far, peer: from });
    return near;
  }

  #noticesOf(peer: PeerName): Notices {
    return {
      list: () => [...this.#notices.values()],
      write: async (service, text) => {
        const key = `${peer} ${service}`;
        if (text === undefined) this.#notices.delete(key);
        else this.#notices.set(key, { peer, service, text });
        this.#tell();
      },
      onChange: (listener) => this.#listen(listener),
    };
  }

  #find(text: string): PeerName {
    const found = peers[Number(/^node-(\d)$/.exec(text)?.[1])];
    if (found === undefined) throw new CoterieError("NOT_FOUND", `no member is named ${text}`);
    return found;
  }

  #listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** The services of a node that is alone. */
export function memoryServices(): Services {
  const village = new Village();
  return village.services(village.peer(0));
}
