/**
 * yamux with one fault mended. A new stream sends its first frame in a microtask of its own (`onCreateStream` of
 * @libp2p/yamux 8.0); if the connection below has died meanwhile, that throws where nobody can catch it and ends the
 * process. Here a frame for a dead connection goes nowhere instead: the connection's own end, which follows, ends its
 * streams. `false` is the muxer's word for "not now".
 */
import type { StreamMuxerFactory } from "@libp2p/interface";
import { yamux, type YamuxMuxerInit } from "@libp2p/yamux";

export function safeYamux(init: YamuxMuxerInit): () => StreamMuxerFactory {
  const makeFactory = yamux(init);
  return () => {
    const factory = makeFactory();
    const create = factory.createStreamMuxer.bind(factory);
    factory.createStreamMuxer = (connection) => {
      const muxer = create(connection);
      const send = muxer.send.bind(muxer);
      muxer.send = (data) => {
        try {
          return send(data);
        } catch (error) {
          if (error instanceof Error && error.name === "StreamStateError") return false;
          throw error;
        }
      };
      return muxer;
    };
    return factory;
  };
}
