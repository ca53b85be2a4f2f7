/**
 * Every limit of the daemon, named with its unit. A limit that a peer could reach stands here and nowhere else;
 * what exceeds one is refused, delayed or dropped with a counter, never stored "for now".
 */
import { sharingLimits } from "./sharing-limits.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  // state
  keyBytesMax: 1 * KiB,
  valueBytesMax: 256 * KiB,
  typeBytesMax: 32,
  namespaceBytesMax: 63,
  nameBytesMax: 64,
  namespacesMax: 256,
  contextWritersMax: 256,
  unknownFieldsBytesMax: 4 * KiB,
  capabilityBytesMax: 4 * KiB,
  batchEntriesMax: 128,
  /** Encoded entries of one batch together. */
  batchBytesMax: 1 * MiB,
  /** A checkpoint of a log, so that it travels in one message; and the least number of items that are worth one. */
  logCheckpointBytesMax: 48 * KiB,
  logCheckpointItemsMin: 16,
  /** Items that a writer adds to a log before it looks whether they are worth a checkpoint. */
  logCompactionItems: 256,
  /** Largest encoded entry: value, key, a full context and unknown fields, with their lengths. */
  entryBytesMax: 256 * KiB + 1 * KiB + 256 * 48 + 4 * KiB + 256,
  futureToleranceMs: 60_000,
  quarantinePerAuthorBytesMax: 4 * MiB,
  quarantinePerPeerBytesMax: 16 * MiB,
  quarantineBytesMax: 64 * MiB,
  refusalsRemembered: 10_000,
  /** UTF-16 units of a document's text that a local edit may reach. */
  docUnitsMax: 4 * MiB,
  /** Live updates of a document that this node still reads: far more than any text of that size takes. */
  docBytesMax: 64 * MiB,
  /** A writer's own items of a document beyond which it writes checkpoints. */
  docItemsKept: 128,
  /** Documents kept ready in the worker thread, and the updates they were made of. */
  docsInMemoryMax: 64,
  docsInMemoryBytesMax: 128 * MiB,
  docHeapMiBMax: 512,
  docYoungMiBMax: 32,
  /** One step of work on a document: a part of its updates applied, its edits made, its text read. */
  docStepMsMax: 10_000,
  docStepBytesMax: 1 * MiB,
  docStepsWaitingMax: 1_024,
  /** A document that broke these limits is not tried again for so long. */
  docRestMs: 60_000,
  docEditsWaitingMax: 1_000,
  docSplicesMax: 10_000,
  authorKeysCached: 4_096,
  /** What a node has yet to write because writers forked, its own or others. */
  dutiesMax: 16_384,
  /** Forked writers of one author that a node writes proofs about. */
  forkProofsPerAuthorMax: 8,
  /** Entries of one stamp, and headers before and after one, among which the other header of a fork is looked for. */
  forkSearchMax: 8_192,
  /** Counters and headers of which a node knows what it needs to mend a fork of its own. */
  forkMemoryMax: 16_384,
  /** Before a proof is written: whoever is first spares it the others. */
  forkProofDelayMs: 1_000,
  /** Free space on the disk below which nothing is written: many times what one transaction needs. */
  storeHeadroomBytes: 16 * MiB,
  /** Bundles of one record of a backup: read in one turn of the loop, restored in one transaction. */
  backupSliceBytes: 256 * KiB,
  /** One bundle beyond that, or a file of the data directory. */
  backupRecordBytesMax: 8 * MiB,

  // gossip
  gossipMessageBytesMax: 64 * KiB,
  /** Entries of a batch up to this size travel in the message; larger ones are announced and pulled. */
  gossipInlineBytesMax: 1 * KiB,
  coalesceMs: 4,
  writeQueueBytesMax: 32 * MiB,
  /** Accepted gossip that waits for its transaction; what comes beyond is left to reconciliation. */
  inboxBytesMax: 16 * MiB,
  /** Entries of gossip applied in one transaction: about 15 ms of work. */
  inboxEntriesPerTurn: 1_024,
  /** Gossip older than this is relayed only if it is news here. */
  freshMs: 60_000,
  eventBytesMax: 32 * KiB,
  eventTopicBytesMax: 128,
  eventAgeMsMax: 60_000,
  /** Events kept for a subscriber that reads slowly; later ones are dropped. */
  eventsWaitingMax: 1_000,
  hintDelayMs: 100,
  /** Bodies kept for those who pull them. */
  bodiesBytesMax: 8 * MiB,
  bodiesMax: 1_024,
  bodyKeptMs: 30_000,
  /** Announced bodies that wait or are on their way, in all and by who announced them first. */
  pullsMax: 512,
  pullsBytesMax: 16 * MiB,
  pullsPerPeerMax: 256,
  pullsPerPeerBytesMax: 8 * MiB,
  /** Requests under way to one peer and to all. */
  pullsAtOncePerPeerMax: 8,
  pullsAtOnceMax: 32,
  /** Until the next source is tried, beside the time that the bytes take on a slow link. */
  pullAnswerMs: 1_000,
  /** How long a body may be waited for in all, beside that time. */
  pullMsMax: 5_000,
  /** Announcements of a peer that did not answer pulls are left to reconciliation for so long. */
  pullRestMs: 30_000,
  pullIdleMs: 30_000,
  pullStreamsMax: 4,
  /** Authors never heard of before that one peer may introduce within an hour; more are delayed. */
  newAuthorsPerPeerPerHour: 1_000,
  /** The same for sessions, in which a neighbour passes on what all of its neighbours brought it. */
  newAuthorsInSessionsPerPeerPerHour: 16_000,
  authorsRemembered: 65_536,
  /** Gossip of one author and through one peer: a batch costs 1 and 1 for each 16 entries. */
  authorGossipBurst: 4_096,
  authorGossipPerSecond: 1_000,
  peerGossipBurst: 16_384,
  peerGossipPerSecond: 4_000,
  /** Gossip judged in one turn of the loop. */
  gossipTurnMs: 10,
  /** Messages that wait for the next turn; what comes beyond is left to reconciliation. */
  gossipDeferredMax: 4_096,

  // conduct
  /** Points within ten minutes that ban a peer; a fault that its bytes prove has as many. */
  strikesMax: 4,
  strikeMs: 600_000,
  banFirstMs: 60_000,
  banMsMax: 3_600_000,
  conductPeersRemembered: 1_024,

  // sync
  syncFrameBytesMax: 64 * KiB,
  syncBundleBytesMax: 1 * MiB + 64 * KiB,
  syncWindowBytes: 1 * MiB,
  syncSessionMsMax: 60_000,
  syncSessionsPerPeerMax: 2,
  syncSessionsMax: 8,
  syncIntervalMs: 15_000,
  syncIdsPerFrameMax: 1_024,
  syncBundlesPerFrameMax: 64,
  syncRangesMax: 8_192,
  /** Items of ours compared with the lists of one response; ranges beyond wait for the next round. */
  syncListedItemsMax: 4_096,
  /** Negentropy messages per namespace, those in a row that led to no transfer, and questions of all kinds per session. */
  syncRoundsMax: 512,
  syncBarrenRoundsMax: 32,
  syncQuestionsMax: 8_192,
  syncAnswerMs: 10_000,
  /** Entries of one slice of an audit, slices of one session, and the mean time between audits of a node. */
  syncAuditEntries: 1_024,
  syncAuditSlices: 16,
  syncAuditIntervalMs: 60_000,
  syncCursorsMax: 1_024,
  /** Neighbours and former neighbours whose back-off is remembered. */
  syncPeersRemembered: 1_024,
  heardMembersMax: 256,

  // network
  connectionsWanted: 20,
  connectionsMax: 100,
  pendingUpgradeMs: 3_000,
  pendingUpgradesMax: 100,
  dialMs: 5_000,
  redialBackoffSoonMs: 2_000,
  redialSoonForMs: 600_000,
  redialBackoffLateMs: 300_000,
  addressBookPeersMax: 1_000,
  addressesPerPeerMax: 8,
  ticketAddressesMax: 8,
  pendingUpgradesPerHostMax: 60,
  /** New connections from one IP in one second; a testnet of 50 nodes may share one. */
  inboundPerHostPerSecondMax: 100,
  /** For one address out of the several that a dial may try. */
  dialAddressMs: 3_000,
  dialsAtOnceMax: 32,
  dialsQueuedMax: 500,
  /** Addresses tried in one attempt at a peer; the next attempt takes the next ones. */
  dialAddressesMax: 4,
  redialBackoffFirstMs: 200,
  /** Instead of the late back-off while no peer at all is connected. */
  redialBackoffAloneMs: 15_000,
  /** Lost peers of the running process and those of the book, with the meeting ports of their IPs. */
  redialTargetsMax: 4_000,
  redialsBurstMax: 64,
  redialsPerSecondMax: 20,
  /** Dials to addresses that only others told of: all at once, then per second. */
  unprovenDialsBurstMax: 400,
  unprovenDialsPerSecondMax: 5,
  mdnsDialsBurstMax: 32,
  mdnsDialsPerSecondMax: 1,
  /** Peers, connected or merely heard of, whose addresses are kept in memory. */
  peersKnownMax: 4_096,
  addressBookFileBytesMax: 4 * MiB,
  /** Of a shaped link (an injected fault), in one direction; its sender waits for what exceeds it. */
  linkBufferBytesMax: 256 * KiB,
  pingIntervalMs: 8_000,
  pingTimeoutMs: 5_000,
  identifyMs: 5_000,
  streamsInboundMax: 256,
  streamWindowBytesMax: 1 * MiB,
  dhtStreamsInboundMax: 16,
  netStopMs: 1_800,
  /** A message with its topic, other messages' control fields and the subscriptions of a new stream. */
  gossipRpcBytesMax: 64 * KiB + 64 * KiB,
  gossipSeenMs: 120_000,
  /** Unsent bytes kept for one slow peer before its gossip stream is given up. */
  gossipQueueBytesMax: 8 * MiB,
  /** Messages up to this size go to all subscribers at once, larger ones to the mesh. */
  gossipFloodBytesMax: 2 * KiB,
  /** Open sync streams per connection and direction; a session that ends overlaps with the next. */
  syncStreamsMax: 8,
  /** Bytes of frames read ahead of a slow consumer before the stream is paused. */
  syncReadAheadBytesMax: 256 * KiB,
  ticketAddressBytesMax: 256,
  ticketCharsMax: 16 * KiB,
  bootstrapAddressesMax: 64,

  // membership
  heardWithinMs: 60_000,
  watchersWanted: 3,
  /** Between two probes of a watched member; how long its answer, and that of those asked to help, may take. */
  probeIntervalMs: 1_000,
  probeAnswerMs: 1_000,
  /** For a connection to one that is newly watched; the longest rest between probes of one that cannot be connected to. */
  watchConnectMs: 5_000,
  watchRestMsMax: 64_000,
  probeAskedMs: 800,
  probeHelpMs: 1_100,
  probeHelpers: 2,
  /** For a suspected member to refute. */
  suspicionMs: 2_600,
  /** After a lost connection, for a redial, before its watchers and its other neighbours look for the member. */
  lostWatchedMs: 300,
  lostMs: 1_500,
  /** For a member that this process has not heard of yet. */
  unheardMs: 15_000,
  /** Between reminders to connected members that they are suspected; between statements of this node. */
  remindMs: 2_000,
  refuteMs: 200,
  /** The longest rest between two questions about a member that failed; after it there are none. */
  askRestMsMax: 64_000,
  /** Within which a neighbour's news goes on as gossip, if nobody else is first. */
  retellMs: 300,
  newsPerFrameMax: 256,
  tableNewsMax: 16_384,
  /** Statements of nodes that have no card. */
  strangersMax: 1_024,
  /** Frames of one peer at once, then per second; news, by gossip too, that cost a signature or change a verdict likewise. */
  probeFramesBurst: 512,
  probeFramesPerSecond: 64,
  newsBurst: 20_000,
  newsPerSecond: 200,
  /** Members that this node pings for others at once. */
  probesForOthersMax: 256,
  probeStreamsMax: 2,
  probeIdleMs: 30_000,
  forgottenMembersMax: 1_024,
  /** What a member's card says of it. */
  tagsMax: 16,
  tagNameBytesMax: 63,
  tagValueBytesMax: 128,
  cardUnknownBytesMax: 4 * KiB,
  /** Small changes of what a member offers are told at most so often; those above this share of it at once. */
  capacityIntervalMs: 60_000,
  capacityChangeMin: 0.05,

  // files
  /** What IPFS software passes on as one block. */
  blockBytesMax: 2 * MiB,
  /** Links of one block: 1,024 chunks of a file, some thousands of names of a folder that is not sharded. */
  blockLinksMax: 16_384,
  packBytesMin: 4 * MiB,
  packBytesMax: 32 * MiB,
  /** Free space on the disk that files leave to the state. */
  filesHeadroomBytes: 64 * MiB,
  /** Beyond the quota: dead blocks that wait for collection. With a pack being rewritten this stays below 64 MiB. */
  filesSlackBytes: 24 * MiB,
  /** Blocks written together, and pieces of one system call. */
  packGroupBytes: 4 * MiB,
  packPiecesMax: 1_024,
  packPieceJoinedBytes: 16 * KiB,
  /** Blocks and links that wait for their rows in the index; writers wait for what exceeds four times as much. */
  indexGroupBlocks: 1_024,
  indexGroupLinks: 8_192,
  hotBlocksBytesMax: 16 * MiB,
  hotBlockBytesMax: 256 * KiB,
  /** A chunk of a file, by the profile of its CID. */
  fileChunkBytes: 1 * MiB,
  /** Blocks of an added file that wait to be stored together. */
  sinkBytes: 2 * MiB,
  sinkBlocks: 256,
  /** Folders in folders, shards and trees of chunks together. */
  dagDepthMax: 512,
  walkLeavesRemembered: 65_536,
  /** Of the blocks from the root to the one that is looked at: memory of a walk. */
  walkLinksHeld: 262_144,
  /** Of the tree of chunks of a file, and of the shards of a folder. */
  fileDepthMax: 64,
  shardDepthMax: 32,
  /** Files read or written at once for one `add` or `get`. */
  filesAtOnce: 8,
  extractLinksMax: 100_000,
  extractFlushPaths: 512,
  /** Files, folders and links written for one `get`. */
  extractEntriesMax: 4_000_000,
  pathBytesMax: 4_096,
  shareNameBytesMax: 255,
  copiesMax: 64,
  /** Between a change and a look at the shares, about; between looks when nothing changes. */
  keeperDelayMs: 1_000,
  keeperIntervalMs: 15_000,
  /** Until a share that could not be fetched is tried again: twice as long each time. */
  keeperRestMs: 5_000,
  keeperRestMsMax: 300_000,
  /** Between the blocks of a share and its name: such a root is not taken for one that was removed. */
  shareSettleMs: 60_000,
  filesProgressMs: 250,
  /** For a root to be announced before `add` answers. */
  announceMs: 5_000,
  /** One step of the collector. */
  collectBlocks: 256,
  /** At least the largest block with its head: two chunks of files. */
  collectBytes: 2 * MiB + 4 * KiB,
  /** So long before writers would have to wait for room, it is made in the background. */
  collectAheadBytes: 16 * MiB,

  // control
  requestBodyBytesMax: 8 * MiB,
  importLineBytesMax: 2 * MiB,
  listItemsMax: 10_000,
  /** Concurrent values of one key that are given; all are counted. */
  multiValuesMax: 256,
  /** Live entries of one type that `explain` shows; all are counted. */
  explainEntriesMax: 256,
  /** Types of a class that `explain` looks at, beside those it knows. */
  explainTypesMax: 256,
  requestMsMax: 30_000,
  streamsMax: 256,
  controlSocketsMax: 512,
  controlHeadersMs: 10_000,
  /** Time a client has to take note of a refusal while it still uploads. */
  controlLingerMs: 2_000,
  controlStopMs: 1_000,
  /** Bytes of unary request bodies held at once, over all requests. */
  controlBodyBytesMax: 64 * MiB,
  /** A page of a listing is cut at this many bytes. */
  listBytesMax: 8 * MiB,
  exportPageItems: 128,
  importGroupOps: 256,
  importGroupBytes: 256 * KiB,
  importGroupsInFlight: 8,
  importProgressMs: 250,
  importErrorsReported: 20,
  logRecordsKept: 2_000,
  logFollowerRecordsMax: 1_000,
  logTextCharsMax: 4_096,
  metricNamesMax: 1_000,
  shutdownMs: 4_500,

  // last, so that the compiler refuses a name that is in both
  ...sharingLimits,
} as const;
