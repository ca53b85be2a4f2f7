/** Shared files where their store could not be opened: everything else of the daemon goes on. */
import type { CoterieError } from "../core/errors.ts";
import type { FilesCalls } from "../control/files-daemon.ts";

export function refusedFiles(reason: CoterieError): FilesCalls {
  const refuse = (): never => {
    throw reason;
  };
  return {
    add: refuse,
    addStream: refuse,
    get: refuse,
    cat: refuse,
    list: refuse,
    status: refuse,
    remove: refuse,
    pin: refuse,
    unpin: refuse,
    usage: refuse,
    collect: refuse,
    verify: refuse,
    exportCar: refuse,
    importCar: refuse,
    diagnose: refuse,
  };
}
