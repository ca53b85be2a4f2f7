/**
 * All seams of the house on one page: what `protocol/`, `control/` and the driver may ask of the world.
 * `host/` implements them over libp2p, lmdb and the real clock; `test/sim` implements them over a virtual one.
 */

/** Milliseconds. `wallMs` is Unix time and may jump; `monotonicMs` never goes back. */
export interface Clock {
  wallMs(): number;
  monotonicMs(): number;
  /** Calls `run` once after `delayMs`; the returned function cancels. A pending timer never keeps the process alive. */
  after(delayMs: number, run: () => void): () => void;
  /** Resolves after `delayMs`, or rejects with the signal's reason. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  float(): number;
}

export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Structured log of one room. Fields carry the facts; the message is constant text. */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  trace(message: string, fields?: LogFields): void;
  child(room: string): Log;
}

/** Counters of refusals, drops and traffic, by stable dotted names; read by `status`. */
export interface Metrics {
  count(name: string, by?: number): void;
  read(): Readonly<Record<string, number>>;
}

/**
 * Ordered key-value storage with synchronous transactions (lmdb underneath). Keys sort bytewise; they are
 * 1 to 1,978 bytes long. Returned arrays belong to the caller.
 */
export interface Store extends StoreReader {
  /**
   * Runs `work` in one atomic write transaction; if it throws, nothing of it happened. Nested calls join the
   * outer transaction. Throws `STORE_FULL`, `STORE_READ_ONLY` or `STORE_FAILED`.
   */
  transaction<T>(work: (tx: StoreWriter) => T): T;
  /** Resolves when everything committed before the call is on disk; rejects with a coded error when it cannot be. */
  flushed(): Promise<void>;
  /** Bytes of the files on disk. */
  sizeBytes(): number;
  close(): Promise<void>;
}

export interface StoreReader {
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Rows with `from <= key < to` in ascending order, or with `reverse` in descending order over the same rows.
   * The iteration sees a consistent snapshot only inside `transaction`; elsewhere callers keep loops short.
   */
  range(options: RangeOptions): Iterable<Row>;
}

export interface StoreWriter extends StoreReader {
  put(key: Uint8Array, value: Uint8Array): void;
  remove(key: Uint8Array): void;
}

export type Row = { readonly key: Uint8Array; readonly value: Uint8Array };
export type RangeOptions = {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
};

/** A peer is named by its libp2p peer id in base58btc (`12D3Koo...`), which is its Ed25519 public key. */
export type PeerName = string;

/** One bidirectional stream of length-prefixed frames. */
export interface FrameChannel {
  readonly peer: PeerName;
  /** Resolves once the transport took the frame, under its back-pressure; rejects when the channel is dead. */
  send(frame: Uint8Array): Promise<void>;
  /** Frames as they arrive; ends at a clean close, throws when the peer resets or breaks the framing. */
  readonly frames: AsyncIterable<Uint8Array>;
  /** Bytes of frames in each direction so far, length prefixes included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  close(): Promise<void>;
  abort(reason: Error): void;
}

/** Connections of the network and the sync protocol's streams. */
export interface Net {
  readonly self: PeerName;
  connected(): readonly PeerName[];
  /** Opens a stream for reconciliation; rejects `UNREACHABLE` or `TIMEOUT`. */
  openSync(peer: PeerName, signal: AbortSignal): Promise<FrameChannel>;
  onSync(handler: (channel: FrameChannel) => void): void;
  /** Opens a stream for pulling bodies that gossip announced; rejects `UNREACHABLE` or `TIMEOUT`. */
  openPull(peer: PeerName, signal: AbortSignal): Promise<FrameChannel>;
  onPull(handler: (channel: FrameChannel) => void): void;
  /** Opens a stream for asking whether members are alive; rejects `UNREACHABLE` or `TIMEOUT`. */
  openProbe(peer: PeerName, signal: AbortSignal): Promise<FrameChannel>;
  onProbe(handler: (channel: FrameChannel) => void): void;
  /** Connections to these peers are made and made again, whatever else is connected; replaces the list before. */
  keep(peers: readonly PeerName[]): void;
  /** Drops the peer's connections and makes none with it, in either direction, for so long. */
  ban(peer: PeerName, forMs: number): void;
  /** Calls back when the first connection to a peer is up (after identify) and when the last is gone. */
  onPeer(handler: (peer: PeerName, up: boolean) => void): void;
}

/** A byte stream between two members, with back-pressure in both directions; frames are the caller's matter. */
export interface BulkChannel {
  readonly peer: PeerName;
  readonly purpose: string;
  /** A socket of its own, or a stream of the libp2p connection where no socket could be had. */
  readonly lane: "direct" | "libp2p";
  /** As they come, for one reader. Ends when the peer ended its side, throws a coded error when the channel is lost. */
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Resolves when more may be written; the bytes may not be changed after. Rejects when the channel is lost. */
  write(bytes: Uint8Array): Promise<void>;
  /** No more will be written; reading goes on until the peer ends too. */
  end(): Promise<void>;
  /** Ends both directions at once; the peer sees a lost channel. */
  abort(reason: Error): void;
  /** Calls back once when both directions have ended, however they did. */
  onClose(handler: () => void): void;
}

export type BulkHandler = {
  /** Why this peer gets no channel now; asked before anything is agreed. */
  refuses?(peer: PeerName): "REFUSED" | "OVERLOADED" | undefined;
  handle(channel: BulkChannel): void;
};

/** Large transfers and tunnels between members, beside the connections that everything else shares. */
export interface Bulk {
  /**
   * Opens a channel with a peer, connecting with it first if need be; with `lane` only on that one. Rejects `UNREACHABLE`, `TIMEOUT`, `ABORTED`,
   * and with the peer's word `REFUSED` or `OVERLOADED`. The signal counts until the channel is open.
   */
  open(peer: PeerName, purpose: string, signal: AbortSignal, lane?: "libp2p"): Promise<BulkChannel>;
  /** One handler per purpose; the returned function takes it away. Channels that are open stay. */
  on(purpose: string, handler: BulkHandler): () => void;
}

/** SHA-256 beside the loop, for bytes that would hold it up. */
export interface Hasher {
  /**
   * Takes the whole buffer over, of which the caller's views are empty from then on; the bytes come back in it as a new
   * one. Rejects when the thread is lost, and the bytes with it.
   */
  sha256(bytes: Uint8Array): Promise<Hashed>;
}

export type Hashed = { readonly bytes: Uint8Array; readonly digest: Uint8Array };

/** Rates that transfers keep to, in all and by peer; they may change at any time. */
export interface Budget {
  /** Resolves when the bytes may go; rejects with the signal's reason. */
  spend(peer: PeerName, bytes: number, signal: AbortSignal): Promise<void>;
}

/** Who has what, by the DHT of the network. `hash` is a multihash: codec and version of a CID do not matter. */
export interface Providers {
  /** Names this node as one that has it, now and again at an interval, until `withdraw`. */
  provide(hash: Uint8Array, signal: AbortSignal): Promise<void>;
  withdraw(hash: Uint8Array): void;
  /** Members that have it, as they are found; ends when the search does. This node is not among them. */
  find(hash: Uint8Array, signal: AbortSignal): AsyncIterable<PeerName>;
}

/** What a receiver says of a gossip message; only `reject` costs the sender score. */
export type Verdict = "accept" | "ignore" | "reject";

/**
 * Judges a message before it is relayed, at once or later. `sources` names those it came from so far, `from` first;
 * it goes on growing while the verdict is awaited.
 */
export type GossipReceiver = (
  topic: string,
  data: Uint8Array,
  from: PeerName,
  sources: () => readonly PeerName[],
) => Verdict | Promise<Verdict>;

export interface PubSub {
  subscribe(topic: string): void;
  /**
   * Number of peers the message was handed to: those of the mesh, or for a small message to `all` every subscriber that
   * is connected. Rejects when it is over the size limit.
   */
  publish(topic: string, data: Uint8Array, reach?: "all" | "mesh"): Promise<number>;
  /** The one receiver of all topics; it runs before a message is relayed. */
  onMessage(handler: GossipReceiver): void;
  topics(): readonly { topic: string; meshPeers: number; subscribers: number }[];
}

/**
 * A position in the reconciliation order of one namespace: ascending (ts, id) with ts = 2^64 - 2 - stamp, so the
 * newest entry comes first. `id` may be a prefix of a hash (0 to 32 bytes). ts = 2^64 - 1 is the end of everything.
 */
export type Bound = { readonly ts: bigint; readonly id: Uint8Array };
/** `id` is an entry hash of 32 bytes. */
export type ReconItem = { readonly ts: bigint; readonly id: Uint8Array };

/** Outcome of offering one bundle (a signed header with some or all of its entries) to the state. */
export type IngestResult = {
  /** Entries that changed the live set. */
  readonly applied: number;
  /** Entries known already, or superseded by what is here. */
  readonly known: number;
  /** Entries held until their time comes. */
  readonly quarantined: number;
  /** Entries refused by rules, with the first reason. A bundle that is no bundle counts as one. */
  readonly refused: number;
  readonly reason?: string;
  /** True when any version of any node would refuse it from the bytes alone. */
  readonly invalid: boolean;
};

/** What reconciliation asks of the state. All calls are synchronous and cheap (any range about a millisecond). */
export interface Replica {
  /** Namespaces that hold at least one entry, in order. */
  namespaces(): readonly string[];
  /** Applies quarantined entries whose time has come. */
  promote(nowMs: number): void;
  /** Entries with `from <= position < to`: how many, and the sum of their hashes as little-endian integers mod 2^256. */
  summary(namespace: string, from: Bound, to: Bound): { count: number; sum: Uint8Array };
  /** The first `limit` entries with `from <= position < to`. */
  items(namespace: string, from: Bound, to: Bound, limit: number): ReconItem[];
  /** Position of the entry number `index` (from 0) at or after `from`; undefined when there are fewer. */
  nth(namespace: string, from: Bound, index: number): ReconItem | undefined;
  /**
   * Encoded bundles of these entries, grouped by header, each at most about `limits.syncFrameBytesMax` unless one entry
   * alone is larger; stops after `maxBytes`. Entries not here (any more) are left out. `sent` counts the items dealt
   * with, in order, found or not. The state finds an entry by its whole position, not by its hash alone: a responder
   * remembers the positions of the ids it listed last and serves WANT from those (nobody may want what was not listed).
   */
  bundles(
    namespace: string,
    items: readonly ReconItem[],
    maxBytes: number,
  ): { bundles: Uint8Array[]; sent: number };
  /** Bundles of the entries from a position on, in order; `next` is where to go on, undefined at the end. */
  stream(
    namespace: string,
    from: Bound,
    to: Bound,
    maxBytes: number,
  ): { bundles: Uint8Array[]; next: Bound | undefined };
  has(namespace: string, item: ReconItem): boolean;
  /** In one transaction, since each costs a flush of the disk; the outcomes stand in the same order. */
  ingestAll(bundles: readonly Uint8Array[], from: PeerName, nowMs: number): readonly IngestResult[];
}

/** What gates and names a network. `secret` is the 32-byte key of `epoch`; it never leaves node and ticket. */
export type NetworkKeys = {
  /** 32 bytes: SHA-256(tag, owner public key, nonce). */
  readonly id: Uint8Array;
  readonly name: string;
  readonly secret: Uint8Array;
  readonly epoch: number;
};
