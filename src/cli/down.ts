import { CoterieError, exitCodes } from "../core/errors.ts";
import { humanDuration } from "./terminal/human.ts";
import { waitUntilGone } from "./process-end.ts";
import type { Run } from "./verb.ts";

const defaultTimeoutMs = 10_000;

export const down: Run = async (call) => {
  const client = await call.client();
  const timeoutMs = call.timeoutMs(defaultTimeoutMs);
  const { process: daemon, name } = await client.status({ timeoutMs });
  await client.shutdown({ timeoutMs });
  if (!(await waitUntilGone(daemon.pid, timeoutMs))) {
    throw new CoterieError(
      "TIMEOUT",
      `the daemon (process ${daemon.pid}) still runs after ${humanDuration(timeoutMs)}`,
      { hint: `wait, or end it with: kill -9 ${daemon.pid}` },
    );
  }
  if (call.out.json) await call.out.document({ stopped: true, pid: daemon.pid, name });
  else call.out.aside(`${name} has stopped`);
  return exitCodes.ok;
};
