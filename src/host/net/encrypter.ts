/**
 * The network's gate: Noise XX with a prologue that binds network id, epoch and secret. Noise mixes the prologue into
 * the handshake hash (Noise Protocol Framework, section 6), so a peer with another one cannot read or write a single
 * message after the handshake, and nothing of the secret is ever sent. The protocol name carries the epoch, so that a
 * node can offer two epochs side by side while a secret is rotated.
 */
import { serviceCapabilities } from "@libp2p/interface";
import type { ConnectionEncrypter, SecureConnectionOptions } from "@libp2p/interface";
import { noise, type NoiseComponents } from "@libp2p/noise";
import { concatBytes, Writer } from "../../core/codec.ts";
import { sha256, tag } from "../../core/identity.ts";
import type { Metrics, NetworkKeys } from "../../core/ports.ts";

/** What a dial fails with when the other side holds another secret; libp2p keeps the message of an error only. */
export const handshakeRefused = "the peer refused the handshake: wrong network secret or network";

/** `tag, SHA-256(tag, id, epoch, secret)` with every variable field length-prefixed. */
export function noisePrologue(network: NetworkKeys): Uint8Array {
  const bound = new Writer()
    .bytes(tag("coterie/network-secret"))
    .prefixed(network.id)
    .u32(network.epoch)
    .prefixed(network.secret);
  return concatBytes(tag("coterie/noise-prologue"), sha256(bound.view()));
}

export function encryptionProtocol(epoch: number): string {
  return `/coterie/noise/${epoch}`;
}

/** A libp2p connection encrypter; handshakes that fail are counted by direction. */
export function networkEncrypter(network: NetworkKeys, metrics: Metrics) {
  const makeNoise = noise({ prologueBytes: noisePrologue(network) });
  return (components: NoiseComponents): ConnectionEncrypter => {
    const inner = makeNoise(components);
    const encrypter: ConnectionEncrypter = {
      protocol: encryptionProtocol(network.epoch),
      secureInbound: (stream, options) =>
        inner.secureInbound(stream, options).catch((error: unknown) => {
          metrics.count("net.handshakes_failed_inbound");
          throw error;
        }),
      secureOutbound: (stream, options?: SecureConnectionOptions) =>
        inner.secureOutbound(stream, options).catch((error: unknown) => {
          metrics.count("net.handshakes_failed_outbound");
          throw isCryptoFailure(error) ? new Error(handshakeRefused, { cause: error }) : error;
        }),
    };
    return Object.assign(encrypter, {
      [Symbol.toStringTag]: "coterie/noise",
      [serviceCapabilities]: ["@libp2p/connection-encryption"],
    });
  };
}

/** The initiator could not open the responder's first encrypted message. */
function isCryptoFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_INVALID_CRYPTO_EXCHANGE";
}
