/**
 * Injected faults, only for a daemon that was started with `--enable-faults`. A blocked peer is cut off in both
 * directions: its connections are reset at once and the gater refuses new ones. (One-way cuts and shaped links would
 * be further methods here, and a transport of our own.)
 */
import { CoterieError } from "../../core/errors.ts";
import { isPeerName } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";

export class Faults {
  readonly #enabled: boolean;
  #blocked: ReadonlySet<PeerName> = new Set();

  constructor(enabled: boolean) {
    this.#enabled = enabled;
  }

  isBlocked(peer: PeerName): boolean {
    return this.#blocked.has(peer);
  }

  blocked(): PeerName[] {
    return [...this.#blocked];
  }

  /** Blocks exactly these peers. Throws `FAULTS_DISABLED`, and `BAD_REQUEST` for what is no peer id. */
  block(peers: readonly PeerName[]): { cut: PeerName[]; healed: PeerName[] } {
    if (!this.#enabled) {
      throw new CoterieError("FAULTS_DISABLED", "this daemon was started without --enable-faults");
    }
    const wrong = peers.find((peer) => !isPeerName(peer));
    if (wrong !== undefined) throw new CoterieError("BAD_REQUEST", `not a peer id: ${wrong}`);
    const before = this.#blocked;
    this.#blocked = new Set(peers);
    return {
      cut: [...this.#blocked].filter((peer) => !before.has(peer)),
      healed: [...before].filter((peer) => !this.#blocked.has(peer)),
    };
  }
}
