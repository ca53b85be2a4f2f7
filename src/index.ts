/** The library: run a daemon in this process, or talk to one through its control socket. */
export { runDaemon, type DaemonOptions, type ReadyInfo } from "./node.ts";
export { createClient, type CallOptions, type Client } from "./control/client.ts";
export { controlSocketPath, resolveDataDir } from "./host/data-dir.ts";
export { CoterieError, errorCodes, exitCodes, type ErrorCode } from "./core/errors.ts";
export type * from "./control/schema.ts";
