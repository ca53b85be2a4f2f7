/**
 * Inputs and effects of the reconciliation machine, both closed lists. A session is one stream of frames; the machine
 * numbers those it opens (1, 2, ...), the driver numbers accepted ones (-1, -2, ...).
 */
import type { ErrorCode } from "../../core/errors.ts";
import type { PeerName } from "../../core/ports.ts";

/** Milliseconds of both clocks at the time of an input. */
export type Now = { readonly wallMs: number; readonly monotonicMs: number };

export type SessionId = number;

export type SyncInput =
  /** The first connection to a peer is up, or the last is gone. */
  | { readonly kind: "peer"; readonly peer: PeerName; readonly up: boolean }
  /** A stream that an `open` effect asked for is there. */
  | { readonly kind: "opened"; readonly session: SessionId }
  /** A peer opened a stream. */
  | { readonly kind: "accepted"; readonly session: SessionId; readonly peer: PeerName }
  | { readonly kind: "frame"; readonly session: SessionId; readonly bytes: Uint8Array }
  /** The peer ended the stream cleanly. */
  | { readonly kind: "closed"; readonly session: SessionId }
  /** The stream could not be opened, or broke. */
  | { readonly kind: "failed"; readonly session: SessionId }
  /** Entries came that gossip will not carry to every neighbour; they are to be hinted at. */
  | { readonly kind: "changed" }
  /** The peer announced something in gossip that could not be had from it. */
  | { readonly kind: "behind"; readonly peer: PeerName }
  /** The time of the last `wakeup` effect has come. */
  | { readonly kind: "wakeup" };

export type SyncEffect =
  | { readonly kind: "open"; readonly session: SessionId; readonly peer: PeerName }
  | { readonly kind: "send"; readonly session: SessionId; readonly frame: Uint8Array }
  /** End the stream cleanly once the frames so far are sent; no input of this session matters any more. */
  | { readonly kind: "close"; readonly session: SessionId }
  /** Reset the stream; no input of this session matters any more. */
  | {
      readonly kind: "abort";
      readonly session: SessionId;
      readonly code: ErrorCode;
      readonly reason: string;
    }
  /** Feed `wakeup` at this monotonic time, as soon as possible when it is past; replaces the one before. */
  | { readonly kind: "wakeup"; readonly atMs: number }
  /** The peer says that it last heard of a member so long ago. */
  | {
      readonly kind: "heard";
      readonly peer: PeerName;
      readonly member: PeerName;
      readonly ageMs: number;
    }
  /** The peer's wall clock less ours. */
  | { readonly kind: "clock"; readonly peer: PeerName; readonly offsetMs: number }
  /** Our state and the peer's were equal a moment ago. */
  | { readonly kind: "equal"; readonly peer: PeerName }
  /** So many slices were compared under a salt; all but the last were the same. */
  | {
      readonly kind: "audited";
      readonly peer: PeerName;
      readonly slices: number;
      readonly same: boolean;
    }
  | { readonly kind: "report"; readonly report: SessionReport }
  /** The peer misbehaved. */
  | {
      readonly kind: "charge";
      readonly peer: PeerName;
      readonly code: ErrorCode;
      readonly reason: string;
    };

/** How a session went; hints are not reported. */
export type SessionReport = {
  readonly session: SessionId;
  readonly peer: PeerName;
  readonly opened: boolean;
  /** Entries that changed our live set. */
  readonly brought: number;
  /** Entries sent. */
  readonly sent: number;
  readonly ms: number;
  readonly equal: boolean;
  /** Why it ended early; undefined when it ran to its end. */
  readonly code: ErrorCode | undefined;
};
