/**
 * Asks cheaply whether anything listens at an address: a bare TCP connection, closed at once. A libp2p dial of a dead
 * address costs milliseconds of CPU, this a tenth of one, so peers that are likely dead are probed first.
 */
import { connect } from "node:net";
import { limits } from "../../core/limits.ts";
import { ipOf, portOf } from "./addresses.ts";

/** Those of the bare addresses at which something listens. */
export async function listening(addresses: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(addresses.map(isListening));
  return addresses.filter((_, index) => answers[index]);
}

function isListening(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: ipOf(address), port: portOf(address) });
    const finish = (listens: boolean): void => {
      socket.destroy();
      resolve(listens);
    };
    socket.setTimeout(limits.dialAddressMs, () => finish(false));
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
    socket.unref();
  });
}
