/** Inputs and effects of the machine that says who is alive, both closed lists. */
import type { ErrorCode } from "../../core/errors.ts";
import type { PeerName, Verdict } from "../../core/ports.ts";

export type Standing = "alive" | "suspect" | "failed" | "left";

export type LifeInput =
  /** Before all others. */
  | { readonly kind: "start" }
  /** The first connection to a peer is up, or the last is gone. */
  | { readonly kind: "peer"; readonly peer: PeerName; readonly up: boolean }
  /** Everybody with a card in the roster that does not say that its member has left. */
  | { readonly kind: "members"; readonly peers: readonly PeerName[] }
  /** A frame of a probe stream. */
  | { readonly kind: "frame"; readonly peer: PeerName; readonly bytes: Uint8Array }
  /** A message of the members' topic; its verdict is an effect. */
  | { readonly kind: "gossip"; readonly peer: PeerName; readonly bytes: Uint8Array }
  /** This node leaves. */
  | { readonly kind: "leave" }
  /** The time of the last `wakeup` effect has come. */
  | { readonly kind: "wakeup" };

export type LifeEffect =
  | { readonly kind: "send"; readonly peer: PeerName; readonly frame: Uint8Array }
  | { readonly kind: "publish"; readonly data: Uint8Array }
  /** Of the `gossip` input. */
  | { readonly kind: "verdict"; readonly verdict: Verdict }
  /** To be on disk before anybody hears of it. */
  | { readonly kind: "persist"; readonly incarnation: number }
  /** Connections to these are wanted whatever else is connected; replaces the list before. */
  | { readonly kind: "keep"; readonly peers: readonly PeerName[] }
  | { readonly kind: "standing"; readonly peer: PeerName; readonly standing: Standing }
  /** A name of a counter. */
  | { readonly kind: "count"; readonly name: string }
  /** Feed `wakeup` at this monotonic time, as soon as possible when it is past; replaces the one before. */
  | { readonly kind: "wakeup"; readonly atMs: number }
  /** The peer misbehaved. */
  | {
      readonly kind: "charge";
      readonly peer: PeerName;
      readonly code: ErrorCode;
      readonly reason: string;
    };
