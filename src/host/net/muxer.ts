/**
 * yamux with two faults mended (`@libp2p/yamux` 8.0).
 * 1. A new stream sends its first frame in a microtask of its own; if the connection below has died meanwhile, that
 *    throws where nobody can catch it and ends the process. Here a frame for a dead connection goes nowhere instead: the
 *    connection's own end, which follows, ends its streams. `false` is the muxer's word for "not now".
 * 2. Each frame that comes is answered with a window update, a frame of its own with its encryption and its system call:
 *    twice the frames for gossip and probes, an eighth of a receiver's time in transfers. Here an update waits until
 *    half of the window was used, as in Go's yamux: the sender still has the other half, and never stands still.
 */
import type { MessageStream, Stream, StreamMuxerFactory } from "@libp2p/interface";
import { yamux, type YamuxMuxerInit } from "@libp2p/yamux";

export function safeYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  const makeFactory = yamux(init);
  return () => {
    const factory = makeFactory();
    const createMuxer = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection: MessageStream) => {
      const muxer = createMuxer(connection);
      const send = muxer.send.bind(muxer);
      muxer.send = (data) => {
        try {
          return send(data);
        } catch (error) {
          if (error instanceof Error && error.name === "StreamStateError") return false;
          throw error;
        }
      };
      const createStream = muxer.createStream.bind(muxer);
      muxer.createStream = async (options) => {
        const stream = await createStream(options);
        holdUpdates(stream);
        return stream;
      };
      // not by its event `stream`: who listens to that before libp2p does takes the streams that come early
      const inside = muxer as unknown as MuxerInside;
      const onRemoteStream = inside.onRemoteStream.bind(muxer);
      inside.onRemoteStream = (stream) => {
        holdUpdates(stream);
        onRemoteStream(stream);
      };
      return muxer;
    };
    return factory;
  };
}

/** What a muxer, and a stream, of yamux have besides. */
type MuxerInside = { onRemoteStream(stream: Stream): void };
type StreamInside = {
  /** What the peer may have sent and not been told of, and what is left of it. */
  readonly recvWindow: number;
  readonly recvWindowCapacity: number;
  sendWindowUpdate(): void;
};

function holdUpdates(stream: Stream): void {
  const inside = stream as unknown as StreamInside;
  const update = inside.sendWindowUpdate.bind(stream);
  let isFirst = true;
  inside.sendWindowUpdate = () => {
    const used = inside.recvWindow - inside.recvWindowCapacity;
    // the first tells the peer that its stream was accepted
    if (!isFirst && used < inside.recvWindow / 2) return;
    isFirst = false;
    update();
  };
}
