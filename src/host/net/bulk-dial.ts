/**
 * The asker's end of a socket of the bulk lane: TLS 1.3 to the offered port, the other's certificate compared before a
 * byte of the token leaves, then the token and the other's welcome.
 */
import { timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { equalBytes } from "../../core/codec.ts";
import { sha256 } from "../../core/identity.ts";
import { welcome } from "./bulk-listener.ts";
import type { Certificate } from "./bulk-certificate.ts";
import { SocketBytes } from "./socket-bytes.ts";

export type SocketOffer = {
  readonly host: string;
  readonly port: number;
  /** Of the certificate that the other must show. */
  readonly fingerprint: Uint8Array;
  readonly token: Uint8Array;
};

/** Throws `UNREACHABLE`, `REFUSED` for another certificate or an unwelcome token, or the signal's reason. */
export async function dialBulk(
  { host, port, fingerprint, token }: SocketOffer,
  own: Certificate,
  signal: AbortSignal,
): Promise<SocketBytes> {
  signal.throwIfAborted();
  const tcp = connectTcp({ host, port, allowHalfOpen: true });
  // what fails while nobody waits, as after the end of this, must not end the process
  tcp.on("error", () => undefined);
  const onAbort = (): void => void tcp.destroy(toCoterieError(signal.reason));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await once(tcp, "connect");
    const { cert, key } = own;
    const tls = connectTls({
      socket: tcp,
      cert,
      key,
      minVersion: "TLSv1.3",
      // the fingerprint decides, below
      rejectUnauthorized: false,
    });
    tls.on("error", () => undefined);
    await once(tls, "secureConnect");
    const shown = tls.getPeerX509Certificate();
    if (shown === undefined || !timingSafeEqual(sha256(shown.raw), fingerprint)) {
      throw new CoterieError("REFUSED", "the certificate is not the one that was agreed on");
    }
    const bytes = new SocketBytes(tls, tcp);
    await bytes.write(token);
    if (!equalBytes(await bytes.queue.take(welcome.length), welcome)) {
      throw new CoterieError("REFUSED", "the token was not welcome");
    }
    return bytes;
  } catch (error) {
    tcp.destroy();
    if (signal.aborted) throw signal.reason;
    if (error instanceof CoterieError) throw error;
    throw new CoterieError("UNREACHABLE", toCoterieError(error).message, { cause: error });
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
