/**
 * Injected faults, only for a daemon that was started with `--enable-faults`. A blocked peer is cut off in both
 * directions: its connections are reset at once and the gater refuses new ones. What a peer sends us can be shaped
 * (`shaper.ts`); a link that is stalled is a cut in that direction alone.
 */
import { CoterieError } from "../../core/errors.ts";
import { isPeerName } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";
import type { LinkShape } from "./net-types.ts";

export class Faults {
  readonly #enabled: boolean;
  #blocked: ReadonlySet<PeerName> = new Set();
  #shapes: ReadonlyMap<PeerName, LinkShape> = new Map();

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
    this.#check(peers);
    const before = this.#blocked;
    this.#blocked = new Set(peers);
    return {
      cut: [...this.#blocked].filter((peer) => !before.has(peer)),
      healed: [...before].filter((peer) => !this.#blocked.has(peer)),
    };
  }

  shapes(): ReadonlyMap<PeerName, LinkShape> {
    return this.#shapes;
  }

  /** Shapes exactly these links; returns whom we hear again. Throws as `block`. */
  shape(shapes: ReadonlyMap<PeerName, LinkShape>): PeerName[] {
    this.#check([...shapes.keys()]);
    const before = this.#shapes;
    this.#shapes = new Map(shapes);
    return [...before].flatMap(([peer, { stall }]) =>
      stall === true && shapes.get(peer)?.stall !== true ? [peer] : [],
    );
  }

  #check(peers: readonly PeerName[]): void {
    if (!this.#enabled) {
      throw new CoterieError("FAULTS_DISABLED", "this daemon was started without --enable-faults");
    }
    const wrong = peers.find((peer) => !isPeerName(peer));
    if (wrong !== undefined) throw new CoterieError("BAD_REQUEST", `not a peer id: ${wrong}`);
  }
}
