/** The open channels of the bulk lane, bounded by peer and in all, so that those of a peer can be cut. */
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { BulkChannel, PeerName } from "../../core/ports.ts";

export class BulkChannels {
  readonly #open = new Map<PeerName, Set<BulkChannel>>();
  #count = 0;

  isFull(peer: PeerName): boolean {
    const ofPeer = this.#open.get(peer)?.size ?? 0;
    return ofPeer >= limits.bulkChannelsPerPeerMax || this.#count >= limits.bulkChannelsMax;
  }

  /** Until it closes. */
  add(channel: BulkChannel): void {
    const channels = this.#open.get(channel.peer) ?? new Set();
    this.#open.set(channel.peer, channels.add(channel));
    this.#count++;
    channel.onClose(() => {
      this.#count--;
      channels.delete(channel);
      if (channels.size === 0) this.#open.delete(channel.peer);
    });
  }

  cut(peer: PeerName, why: string): void {
    const reason = new CoterieError("UNREACHABLE", `the channel was cut: ${why}`);
    for (const channel of this.#open.get(peer) ?? []) channel.abort(reason);
  }

  cutAll(why: string): void {
    for (const peer of this.#open.keys()) this.cut(peer, why);
  }

  /** By lane. */
  counts(): Readonly<Record<BulkChannel["lane"], number>> {
    const all = [...this.#open.values()].flatMap((channels) => [...channels]);
    const direct = all.filter(({ lane }) => lane === "direct").length;
    return { direct, libp2p: all.length - direct };
  }
}
