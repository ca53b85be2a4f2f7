/** What members lend one another: the limits of transfers, files and services. Read as part of `limits`. */

const KiB = 1024;
const MiB = 1024 * KiB;

export const sharingLimits = {
  // bulk lane
  /** Agreeing on a channel, and before that its first frame; connecting a socket of its own. */
  bulkAgreeMs: 5_000,
  bulkAskMs: 3_000,
  bulkDirectMs: 3_000,
  /** From being given to being presented. */
  bulkTokenMs: 5_000,
  bulkTokensPerPeerMax: 32,
  bulkTokensMax: 256,
  /** Sockets that have not presented a token yet, from one IP and from all; and how long they may take to. */
  bulkPendingPerHostMax: 32,
  bulkPendingMax: 128,
  bulkPendingMs: 3_000,
  /** Open channels of one peer and of all, in both directions; agreements under way with one peer. */
  bulkChannelsPerPeerMax: 128,
  bulkChannelsMax: 512,
  /** Streams of one connection and direction: channels without a socket of their own, and agreements. */
  bulkStreamsMax: 128,
  /** Bytes read ahead of a slow consumer before the socket or stream is paused. */
  bulkReadAheadBytesMax: 256 * KiB,
  /** No socket is tried with a peer for so long after one could not be had. */
  bulkDirectRestMs: 60_000,
  bulkPurposeBytesMax: 64,
  /** Addresses of the other at which a socket is tried. */
  bulkHostsMax: 4,
  bulkCertificateMs: 86_400_000,

  // providers in the DHT
  providedMax: 10_000,
  provideMs: 15_000,
  findProvidersMs: 15_000,
  /** Of one hash, in one search. */
  providersMax: 64,
  /** On average; after a failure; between looks at what is due. */
  reprovideMs: 1_800_000,
  reprovideRetryMs: 30_000,
  reprovideLookMs: 5_000,

  // transfers of blocks
  /** What an idle line lets through at once, at its rate. */
  budgetBurstMs: 250,
  /** Of a CID whose hash is its content. */
  identityBytesMax: 128,
  cidBytesMax: 128 + 16,
  /**
   * Inner blocks of one DAG (1 TiB of chunks has 1,025, a million small files some 12,000), those open at once, and links
   * that wait to be followed.
   */
  dagNodesMax: 262_144,
  dagNodesAtOnceMax: 32,
  dagFrontierMax: 262_144,
  /** Asked of one holder and not yet answered. */
  blockWindowBytes: 8 * MiB,
  blockWindowMax: 512,
  blockWindowFirst: 4,
  /** Verified blocks that wait for the disk; those of one write. */
  blockIntakeBytesMax: 8 * MiB,
  blockIntakeBatchBytes: 4 * MiB,
  /** Of one transfer, of at most `blockBytesMax` each. */
  blockBuffersSpareMax: 8,
  /** Blocks of one holder that are being checked, and taken in, while others come. */
  blockChecksMax: 4,
  hashHeapMiBMax: 32,
  hashYoungMiBMax: 1,
  hashMsMax: 30_000,
  hashesWaitingMax: 1_024,
  /** Without a byte from a holder that was asked. */
  blockAnswerMs: 10_000,
  /** A want is asked of a second holder, if one is idle, when the first has not answered for so long. */
  blockStealMs: 1_000,
  fetchSourcesMax: 8,
  /** Tries at a holder that brought nothing in between, and the pause before the second, doubling. */
  fetchTriesMax: 3,
  fetchRetryMs: 500,
  /** Of the holder's side: channels served for one peer and for all; wants and bytes read ahead on each. */
  blockChannelsPerPeerMax: 4,
  blockChannelsMax: 32,
  blockWantsPerFrameMax: 256,
  blockWantsQueuedMax: 1_024,
  blockGroupBytes: 2 * MiB,
  blockGroupMax: 64,
  /** A channel on which nothing moves is ended. */
  blockIdleMs: 60_000,

  // services
  serviceNameBytesMax: 63,
  servicesPerNodeMax: 256,
  forwardsMax: 256,
  allowRulesMax: 256,
  serviceWeightMax: 1_000,
  /** Providers of one service that this node looks at; those with the smallest peer ids. */
  serviceProvidersMax: 1_024,
  /** Open tunnels to this node's services: in all, and with one member in each direction. */
  tunnelStreamsMax: 1_024,
  tunnelStreamsPerPeerMax: 128,
  /** Bytes read ahead of a slow reader of a tunnel from this node to itself. */
  tunnelReadAheadBytesMax: 256 * KiB,
  /** For the first frame of a tunnel to come whole. */
  tunnelHeadMs: 3_000,
  tunnelHeadBytesMax: 512,
  /** For one provider to answer before the next is tried, and for all of them. */
  tunnelAttemptMs: 1_200,
  tunnelOpenMs: 8_000,
  /** For a provider to reach its target; within `tunnelAttemptMs`, so that its reason arrives. */
  targetConnectMs: 900,
  /** A tunnel in which no byte moves, either way. */
  tunnelIdleMs: 7_200_000,
  /** Who may use what is judged again so often while tunnels are open, beside at every change. */
  tunnelJudgeMs: 500,
  /** For tunnels to end by themselves after `rm`, if no longer time is given, and when the daemon stops. */
  drainMs: 500,
  /** Within `requestMsMax`, since whoever asks waits for it. */
  drainMsMax: 25_000,
  drainStopMs: 1_000,
  healthIntervalMs: 1_000,
  healthAnswerMs: 1_000,
  /** Checks in a row that turn a service's health. */
  healthFall: 2,
  healthRise: 2,
  /** Failures in a row that eject a provider, for so long the first time, and at most. */
  ejectAfterFailures: 3,
  ejectFirstMs: 5_000,
  ejectMsMax: 60_000,
  /** A provider that comes while others serve gets its full share after so long. */
  slowStartMs: 10_000,
  /** Connections of local programs to one forward. */
  forwardConnectionsMax: 1_024,
  forwardRetryMs: 5_000,
  gatewayConnectionsMax: 512,
  gatewayRequestsPerServiceMax: 512,
  gatewayHeaderBytesMax: 16 * KiB,
  gatewayHeadersMax: 128,
  gatewayHeadersMs: 10_000,
  gatewayKeepAliveMs: 5_000,
  /** Of a connection to a provider between requests; shorter than common servers', so that we close first. */
  gatewayProviderKeepAliveMs: 2_000,
  gatewayProviderFreeMax: 8,
  /** A request or response in which no byte moves. */
  gatewayIdleMs: 600_000,
} as const;
