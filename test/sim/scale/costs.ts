/**
 * What a message costs the processor of a node and the wire. The processor's times are of real daemons, measured by
 * `npm run scale -- --calibrate` (docs/scale.json): the CPU that all processes used for a write, less what they use at
 * rest, is one commit and one watch event, and for the rest the copies received and sent.
 */
export type Costs = {
  /** Sign a batch, and commit it with its flush. */
  readonly writeMs: number;
  /** Read and judge the first copy: decoding, two hashes, a signature. */
  readonly judgeMs: number;
  /** Read a further copy, and find that it is one. */
  readonly duplicateMs: number;
  /** Hand a copy to one connection: framing, multiplexing, encryption, the system call. */
  readonly sendMs: number;
  /** Commit what was judged, and tell those who watch. */
  readonly applyMs: number;
  /** A frame of a probe stream, or a timer of membership. */
  readonly probeMs: number;
  /** Verify and store an entry that a session brought, if its batch has no other. */
  readonly mergeMs: number;
};

export const costs: Costs = {
  writeMs: 2,
  judgeMs: 0.45,
  duplicateMs: 0.1,
  sendMs: 0.1,
  applyMs: 0.8,
  probeMs: 0.15,
  mergeMs: 0.2,
};

/** Of src/driver: a write waits for company, and what is relayed goes out before it is applied. */
export const waits = { coalesceMs: 4, relayMs: 2 };

/**
 * Bytes around a frame: yamux header, Noise length and tag, TCP with time stamps and IP, Ethernet (which the loopback
 * interface counts, too); and a bare acknowledgement for what is not answered at once.
 */
export const wire = { frameBytes: 12 + 2 + 16 + 32 + 20 + 14, acknowledgementBytes: 32 + 20 + 14 };
/** Of a gossip message: its topic, and the tags and lengths of the protobuf around both. */
export const rpcBytes = { topic: 88, around: 10 };
