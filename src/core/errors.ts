/**
 * Coded errors. Every refusal of the daemon, wherever it arises, is a `CoterieError` with a stable code;
 * the code alone decides the HTTP status of the control API and the exit code of the CLI, so that a reason
 * crosses threads, logs, the socket and the shell without being rewritten.
 */

/** Exit codes of the CLI: 0 ok, 1 error, 2 usage, 3 daemon not running, 4 timed out, 5 partly done, 6 refused. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  notRunning: 3,
  timeout: 4,
  partial: 5,
  refused: 6,
} as const;

type CodeFacts = { readonly http: number; readonly exit: number };

/** Every code, with the HTTP status and exit code it maps to. Codes are never renamed or reused. */
export const errorCodes = {
  // usage and configuration
  USAGE: { http: 400, exit: 2 },
  BAD_CONFIG: { http: 400, exit: 2 },
  BAD_REQUEST: { http: 400, exit: 2 },
  BAD_KEY: { http: 400, exit: 2 },
  BAD_VALUE: { http: 400, exit: 2 },
  BAD_NAMESPACE: { http: 400, exit: 2 },
  BAD_TICKET: { http: 400, exit: 2 },
  TOO_LARGE: { http: 413, exit: 2 },
  UNSUPPORTED_TYPE: { http: 415, exit: 2 },
  NOT_FOUND: { http: 404, exit: 1 },
  /** What it builds on is not what is here. */
  CONFLICT: { http: 409, exit: 1 },
  NO_ROUTE: { http: 404, exit: 1 },
  // the daemon and its data directory
  NOT_RUNNING: { http: 503, exit: 3 },
  ALREADY_RUNNING: { http: 409, exit: 1 },
  NOT_INITIALISED: { http: 409, exit: 1 },
  ALREADY_INITIALISED: { http: 409, exit: 1 },
  BAD_IDENTITY: { http: 500, exit: 1 },
  BAD_DATA_DIR: { http: 500, exit: 1 },
  BAD_RUNTIME: { http: 500, exit: 1 },
  NO_ADDRESS: { http: 500, exit: 1 },
  SHUTTING_DOWN: { http: 503, exit: 1 },
  // storage
  STORE_FULL: { http: 507, exit: 1 },
  STORE_READ_ONLY: { http: 507, exit: 1 },
  STORE_FAILED: { http: 500, exit: 1 },
  STORE_VERSION: { http: 500, exit: 1 },
  BAD_BACKUP: { http: 400, exit: 1 },
  // files
  FILES_QUOTA: { http: 507, exit: 1 },
  /** Not the block that its CID names, or of a kind that is not used. */
  BAD_BLOCK: { http: 400, exit: 1 },
  /** Blocks that make no file or folder within the limits. */
  BAD_DAG: { http: 400, exit: 1 },
  /** A path that cannot be added, or written to. */
  BAD_FILE: { http: 400, exit: 1 },
  FILE_CHANGED: { http: 409, exit: 1 },
  // state
  CLOCK_AHEAD: { http: 409, exit: 1 },
  BAD_FORMAT: { http: 400, exit: 1 },
  BAD_SIGNATURE: { http: 400, exit: 1 },
  OVERFLOW: { http: 409, exit: 1 },
  BAD_CURSOR: { http: 410, exit: 1 },
  OVERLOADED: { http: 429, exit: 1 },
  // shared files
  /** Bytes that do not match their hash, on a disk or from a holder. */
  CORRUPT: { http: 502, exit: 1 },
  // access
  REFUSED: { http: 403, exit: 6 },
  FAULTS_DISABLED: { http: 403, exit: 6 },
  WRONG_NETWORK: { http: 409, exit: 6 },
  // network and time
  UNREACHABLE: { http: 502, exit: 1 },
  TIMEOUT: { http: 504, exit: 4 },
  ABORTED: { http: 499, exit: 1 },
  PARTIAL: { http: 207, exit: 5 },
  /** A step of a testnet's scenario: an expectation did not hold, or a command failed. */
  SCENARIO_FAILED: { http: 500, exit: 1 },
  INTERNAL: { http: 500, exit: 1 },
} as const satisfies Record<string, CodeFacts>;

export type ErrorCode = keyof typeof errorCodes;

/** What travels over the control API: `{"error": {...}}`. */
export type ErrorBody = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
};

/** A refusal or failure with a stable code, one readable line, and what to do next. */
export class CoterieError extends Error {
  override readonly name = "CoterieError";
  readonly code: ErrorCode;
  /** What the person should do next; one sentence without a full stop at the start of a new line. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }

  toBody(): ErrorBody {
    return this.hint === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, hint: this.hint };
  }
}

/** True for a code this build knows; a newer daemon may send others. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === "string" && Object.hasOwn(errorCodes, code);
}

/** The error itself when it is coded, else the same wrapped as `INTERNAL` with its cause kept. */
export function toCoterieError(error: unknown): CoterieError {
  if (error instanceof CoterieError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CoterieError("INTERNAL", message === "" ? "unknown error" : message, { cause: error });
}
