/** Connects to the program behind a service. */
import { connect, type Socket } from "node:net";
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Target } from "./endpoint.ts";

/** Rejects `UNREACHABLE` or `TIMEOUT`. Half-closes are kept apart. */
export function connectTarget(target: Target, clock: Clock): Promise<Socket> {
  const where =
    target.kind === "unix"
      ? { path: target.path }
      : { host: target.host, port: target.port, noDelay: true };
  return new Promise((resolve, reject) => {
    const socket = connect({ ...where, allowHalfOpen: true });
    const fail = (error: CoterieError): void => {
      socket.destroy();
      reject(error);
    };
    const cancel = clock.after(limits.targetConnectMs, () => {
      fail(new CoterieError("TIMEOUT", "the service's program did not take the connection"));
    });
    socket.on("error", (error) => {
      cancel();
      fail(new CoterieError("UNREACHABLE", toCoterieError(error).message, { cause: error }));
    });
    socket.once("connect", () => {
      cancel();
      resolve(socket);
    });
  });
}
