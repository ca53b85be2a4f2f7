/** Daemons of one test, ended with it. */
import { onTestFinished } from "vitest";
import {
  launchDaemon,
  startDaemon,
  type DaemonProcess,
  type StartingDaemon,
  type StartOptions,
} from "./daemon-process.ts";

/** A ready daemon, killed at the end of the test. */
export async function daemonOfTest(options: StartOptions): Promise<DaemonProcess> {
  const daemon = await launchDaemon(options);
  onTestFinished(() => daemon.kill());
  return daemon;
}

/** The same, not waited for. */
export function startingDaemonOfTest(options: StartOptions): StartingDaemon {
  const daemon = startDaemon(options);
  onTestFinished(() => daemon.kill());
  return daemon;
}
