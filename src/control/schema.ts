/**
 * The shapes of the control API, as JSON Schema and as types, from one definition. The server validates requests
 * with them and prints them in the OpenAPI document; the CLI's `--json` outputs are held to them by tests.
 *
 * Values. A value is bytes with a kind: `text` (UTF-8), `json` (the JSON text exactly as written) or `bytes`.
 * In JSON they appear as `value` (a string for text, the JSON itself for json) or as `valueBase64` (bytes).
 */
import { Type, type Static } from "typebox";
import { limits } from "../core/limits.ts";
import { ServicesSummary } from "./schema-services.ts";
import { WrittenValue } from "./schema-types.ts";

export * from "./schema-services.ts";
export * from "./schema-types.ts";
export type * from "./schema-files.ts";

const Count = Type.Integer({ minimum: 0 });
const Ms = Type.Number({ minimum: 0 });
const NullableMs = Type.Union([Type.Number(), Type.Null()]);

export const ErrorResponse = Type.Object({
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    hint: Type.Optional(Type.String()),
  }),
});

export const Status = Type.Object({
  version: Type.String(),
  peerId: Type.String(),
  name: Type.String(),
  network: Type.Object({ id: Type.String(), name: Type.String(), epoch: Count }),
  uptimeMs: Ms,
  dataDir: Type.String(),
  faultsEnabled: Type.Boolean(),
  addresses: Type.Array(Type.String()),
  connections: Count,
  dht: Type.Object({ mode: Type.String(), routingTableSize: Count }),
  gossip: Type.Object({
    topics: Type.Array(Type.Object({ topic: Type.String(), meshPeers: Count, subscribers: Count })),
  }),
  members: Type.Object({ alive: Count, suspect: Count, failed: Count, left: Count }),
  state: Type.Object({
    entries: Count,
    digest: Type.String({ description: "hex; equal digests mean equal state" }),
    namespaces: Type.Array(
      Type.Object({ name: Type.String(), entries: Count, digest: Type.String() }),
    ),
    quarantined: Count,
    forks: Count,
    writable: Type.Boolean(),
  }),
  sync: Type.Object({
    lastEqualAt: NullableMs,
    sessions: Count,
    active: Count,
    bytesIn: Count,
    bytesOut: Count,
    missingTwice: Count,
  }),
  clock: Type.Object({
    /** This clock minus the median of the peers' clocks, as exchanged in sessions; null before the first. */
    offsetMs: NullableMs,
    leadMs: Type.Number({ description: "how far the state's stamps lead the wall clock" }),
  }),
  /**
   * Of shared files: what the quota is, what the packs take on the disk, and what of that is only cached. null when they
   * cannot be used, as on a full disk.
   */
  files: Type.Union([
    Type.Object({ quotaBytes: Count, diskBytes: Count, liveBytes: Count, cachedBytes: Count }),
    Type.Null(),
  ]),
  /** Open channels for transfers and tunnels: over sockets of their own, and over libp2p. */
  bulk: Type.Object({ direct: Count, libp2p: Count }),
  services: ServicesSummary,
  counters: Type.Record(Type.String(), Type.Number()),
  process: Type.Object({
    pid: Count,
    rssBytes: Count,
    heapBytes: Type.Integer({ minimum: 0, description: "of JavaScript's heap, in use" }),
    cpuMs: Ms,
    loopDelayMaxMs: Ms,
  }),
});
export type Status = Static<typeof Status>;

export const Identity = Type.Object({
  peerId: Type.String(),
  name: Type.String(),
  network: Type.Object({ id: Type.String(), name: Type.String() }),
  writer: Type.String(),
  addresses: Type.Array(Type.String()),
});
export type Identity = Static<typeof Identity>;

export const Invite = Type.Object({
  ticket: Type.String(),
  network: Type.Object({ id: Type.String(), name: Type.String(), epoch: Count }),
  addresses: Type.Array(Type.String()),
});
export type Invite = Static<typeof Invite>;

export const Peer = Type.Object({
  peerId: Type.String(),
  name: Type.Union([Type.String(), Type.Null()]),
  address: Type.String(),
  direction: Type.Union([Type.Literal("inbound"), Type.Literal("outbound")]),
  connectedMs: Ms,
  rttMs: NullableMs,
});
export type Peer = Static<typeof Peer>;
export const Peers = Type.Object({ peers: Type.Array(Peer) });
export type Peers = Static<typeof Peers>;

const Standing = Type.Union([
  Type.Literal("alive"),
  Type.Literal("suspect"),
  Type.Literal("failed"),
  Type.Literal("left"),
]);

export const Member = Type.Object({
  peerId: Type.String(),
  name: Type.String(),
  version: Type.String(),
  status: Standing,
  tags: Type.Record(Type.String(), Type.String(), {
    description: "what it says of itself, by name; values may hold any characters",
  }),
  /** What it says it lends for the files of others, in bytes; null when nothing. */
  capacity: Type.Union([Type.Object({ quota: Count, free: Count }), Type.Null()]),
  /** Unix ms of the last time this node was connected to it or heard of it; null if never. */
  lastHeardAt: NullableMs,
  connected: Type.Boolean(),
  /** Of the last ping of its connection; null without one. */
  rttMs: NullableMs,
  self: Type.Boolean(),
  /**
   * `forked`: two signed as one writer of this member's, which it closed (its data directory was copied or put back).
   * `equivocator`: it signed two batches for one place and has not closed that writer. null: neither.
   */
  fork: Type.Union([Type.Literal("forked"), Type.Literal("equivocator"), Type.Null()]),
});
export type Member = Static<typeof Member>;
export const Members = Type.Object({ members: Type.Array(Member) });
export type Members = Static<typeof Members>;

/** All that is given must hold. */
export const MembersQuery = Type.Object({
  status: Type.Optional(Standing),
  tag: Type.Optional(
    Type.Array(Type.String({ description: "NAME=VALUE" }), {
      maxItems: limits.tagsMax,
      description: "given several times, members that have all of these tags",
    }),
  ),
});
export type MembersQuery = Static<typeof MembersQuery>;

export const ForgetRequest = Type.Object(
  { member: Type.String({ minLength: 1, maxLength: 256, description: "peer id or name" }) },
  { additionalProperties: false },
);

export const DoctorCheck = Type.Object({
  name: Type.String(),
  verdict: Type.Union([
    Type.Literal("ok"),
    Type.Literal("warn"),
    Type.Literal("fail"),
    Type.Literal("skip"),
  ]),
  detail: Type.String(),
  remedy: Type.Union([Type.String(), Type.Null()]),
});
export type DoctorCheck = Static<typeof DoctorCheck>;
export const Doctor = Type.Object({ checks: Type.Array(DoctorCheck) });
export type Doctor = Static<typeof Doctor>;

export const ConfigItem = Type.Object({
  key: Type.String(),
  value: Type.Unknown(),
  origin: Type.String({ description: "flag, the variable's name, the file's path, or default" }),
});
export type ConfigItem = Static<typeof ConfigItem>;
export const ConfigView = Type.Object({ items: Type.Array(ConfigItem) });
export type ConfigView = Static<typeof ConfigView>;
export const ConfigReload = Type.Object({
  changed: Type.Array(
    Type.Object({ key: Type.String(), from: Type.Unknown(), to: Type.Unknown() }),
  ),
  /** Changed keys that take effect only after a restart. */
  needRestart: Type.Array(Type.String()),
});
export type ConfigReload = Static<typeof ConfigReload>;

export const LogLevelName = Type.Union([
  Type.Literal("error"),
  Type.Literal("warn"),
  Type.Literal("info"),
  Type.Literal("debug"),
  Type.Literal("trace"),
]);
export const LogRecord = Type.Object({
  time: Type.Number({ description: "Unix ms" }),
  level: LogLevelName,
  room: Type.String(),
  message: Type.String(),
  fields: Type.Record(Type.String(), Type.Unknown()),
});
export type LogRecord = Static<typeof LogRecord>;
export const LogLevelRequest = Type.Object(
  { level: LogLevelName },
  { additionalProperties: false },
);
export type LogLevelRequest = Static<typeof LogLevelRequest>;

/** One key's value with where it came from. Exactly one of `value` and `valueBase64` is present. */
export const KvItem = Type.Object({
  key: Type.String(),
  value: Type.Optional(Type.Unknown()),
  valueBase64: Type.Optional(Type.String()),
  author: Type.String({ description: "peer id of the writer" }),
  stamp: Type.String({ description: "hybrid logical clock, 16 hex digits" }),
  writtenAt: Type.Number({ description: "Unix ms part of the stamp" }),
});
export type KvItem = Static<typeof KvItem>;
export const KvList = Type.Object({
  items: Type.Array(KvItem),
  /** Pass as `after` for the next page; null at the end. */
  next: Type.Union([Type.String(), Type.Null()]),
});
export type KvList = Static<typeof KvList>;

export const KvOp = Type.Object(
  {
    key: Type.String(),
    value: Type.Optional(Type.Unknown()),
    valueBase64: Type.Optional(Type.String()),
    delete: Type.Optional(Type.Literal(true)),
  },
  { additionalProperties: false },
);
export type KvOp = Static<typeof KvOp>;
export const KvBatch = Type.Object(
  { ops: Type.Array(KvOp, { maxItems: 10_000 }) },
  { additionalProperties: false },
);
export type KvBatch = Static<typeof KvBatch>;
export const WriteResult = Type.Object({
  written: Count,
  stamp: Type.String({ description: "of the last entry written, 16 hex digits" }),
});
export type WriteResult = Static<typeof WriteResult>;

/** A document: a text that several write at the same time. Positions and lengths count UTF-16 units. */
export const DocText = Type.Object({
  key: Type.String(),
  text: Type.String(),
  stamp: Type.String({ description: "of the newest entry, 16 hex digits" }),
  writtenAt: Type.Number({ description: "Unix ms part of the stamp" }),
  entries: Count,
  refused: Type.Integer({ description: "entries and updates that are not of their writer's text" }),
  partly: Type.Integer({ description: "updates of which a part hangs on text that is not here" }),
});
export type DocText = Static<typeof DocText>;
export const DocList = Type.Object({
  items: Type.Array(
    Type.Object({
      key: Type.String(),
      entries: Count,
      bytes: Count,
      writers: Count,
      stamp: Type.String(),
      writtenAt: Type.Number(),
    }),
  ),
  /** Pass as `after` for the next page; null at the end. */
  next: Type.Union([Type.String(), Type.Null()]),
});
export type DocList = Static<typeof DocList>;
/** Position, units to delete, text to insert; each counts in the text as the ones before left it. */
export const DocEdits = Type.Object(
  {
    edits: Type.Array(Type.Tuple([Count, Count, Type.String()]), {
      minItems: 1,
      maxItems: limits.docSplicesMax,
    }),
  },
  { additionalProperties: false },
);
export type DocEdits = Static<typeof DocEdits>;
export const DocMerge = Type.Object(
  { base: Type.String(), text: Type.String() },
  { additionalProperties: false },
);
export type DocMerge = Static<typeof DocMerge>;
export const DocState = Type.Object({
  client: Type.Integer({ description: "the Yjs client id under which this node writes in it" }),
  updateBase64: Type.String({ description: "Yjs update, version 1, of the text named text" }),
});
export type DocState = Static<typeof DocState>;
export const DocWritten = Type.Object({
  length: Count,
  stamp: Type.Union([Type.String(), Type.Null()], {
    description: "of the last entry written; null when there was nothing to change",
  }),
});
export type DocWritten = Static<typeof DocWritten>;
export const DocMerged = Type.Object({
  text: Type.String({ description: "the document with the change in it" }),
  ...DocWritten.properties,
});
export type DocMerged = Static<typeof DocMerged>;

/** One line of the import response: progress while it runs, `done` at its end. */
export const ImportProgress = Type.Object({
  lines: Count,
  written: Count,
  failed: Count,
  done: Type.Boolean(),
  /** The first refusals, with their line numbers (from 1). */
  errors: Type.Array(Type.Object({ line: Count, code: Type.String(), message: Type.String() })),
});
export type ImportProgress = Static<typeof ImportProgress>;

/**
 * One event of `watch`: what the key of that type holds now, after its latest change by `author`. `cursor` resumes after
 * this event. What is present beside these, unless deleted: of a register `value` or `valueBase64`, of a multi `values`,
 * of a counter `value` as text, of a set `set` and `element` (the key is both); of a log or document nothing.
 */
export const WatchEvent = Type.Object({
  cursor: Type.String(),
  namespace: Type.String(),
  type: Type.String(),
  key: Type.String(),
  deleted: Type.Boolean(),
  value: Type.Optional(Type.Unknown()),
  valueBase64: Type.Optional(Type.String()),
  values: Type.Optional(Type.Array(WrittenValue)),
  set: Type.Optional(Type.String()),
  element: Type.Optional(Type.String()),
  author: Type.String(),
  stamp: Type.String(),
});
export type WatchEvent = Static<typeof WatchEvent>;

export const EventMessage = Type.Object({
  topic: Type.String(),
  author: Type.String(),
  sentAt: Type.Number({ description: "Unix ms by the author's clock" }),
  data: Type.Optional(Type.String({ description: "present when the data is valid UTF-8" })),
  dataBase64: Type.Optional(Type.String()),
});
export type EventMessage = Static<typeof EventMessage>;
export const PublishResult = Type.Object({ peers: Count });
export type PublishResult = Static<typeof PublishResult>;

/** What happens to everything that one peer sends to this node. */
export const FaultyLink = Type.Object(
  {
    peerId: Type.String(),
    latencyMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
    jitterMs: Type.Optional(Type.Number({ minimum: 0, maximum: 60_000 })),
    bitsPerSecond: Type.Optional(Type.Number({ minimum: 1_000, maximum: 1e12 })),
    stall: Type.Optional(Type.Boolean({ description: "open, but no byte arrives" })),
    resetPerSecond: Type.Optional(
      Type.Number({ minimum: 0, maximum: 1, description: "probability for each connection" }),
    ),
  },
  { additionalProperties: false },
);
export type FaultyLink = Static<typeof FaultyLink>;

/** All faults of the daemon's own transport (`--enable-faults` only). What is not named is healed. */
export const Faults = Type.Object(
  {
    blockedPeers: Type.Array(Type.String(), { maxItems: 10_000 }),
    links: Type.Optional(Type.Array(FaultyLink, { maxItems: 10_000 })),
  },
  { additionalProperties: false },
);
export type Faults = Static<typeof Faults>;

export const DialRequest = Type.Object(
  { addresses: Type.Array(Type.String(), { minItems: 1, maxItems: 64 }) },
  { additionalProperties: false },
);
export type DialRequest = Static<typeof DialRequest>;
export const Ok = Type.Object({ ok: Type.Literal(true) });
export type Ok = Static<typeof Ok>;
