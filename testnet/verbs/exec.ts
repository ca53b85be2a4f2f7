import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { nodeOf } from "../folder.ts";
import { bareEnvironment } from "../launch.ts";
import { readRecord } from "../record.ts";
import type { Call } from "../verb.ts";

/** The command has our terminal; its exit code is ours. */
export async function exec(call: Call): Promise<number> {
  const { record } = readRecord(call.dir);
  const { dataDir } = nodeOf(call, record);
  const child = spawn(process.execPath, [call.launcher, ...call.rest], {
    env: { ...bareEnvironment(call.io.env), COTERIE_DATA_DIR: dataDir },
    stdio: "inherit",
  });
  // the terminal sends Ctrl-C to both; the command decides what it means
  const ignore = (): void => undefined;
  const forward = (): void => void child.kill("SIGTERM");
  process.on("SIGINT", ignore);
  process.on("SIGTERM", forward);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  } finally {
    process.off("SIGINT", ignore);
    process.off("SIGTERM", forward);
  }
}
