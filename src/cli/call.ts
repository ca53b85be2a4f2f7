/** What a verb is given. */
import type { CallOptions, Client } from "../control/client.ts";
import { CoterieError } from "../core/errors.ts";
import { humanDuration } from "./terminal/human.ts";
import type { Io } from "./io.ts";
import type { Loaders } from "./loaders.ts";
import { Output } from "./output.ts";
import type { Values } from "./values.ts";

const defaultTimeoutMs = 30_000;

export class Call {
  readonly io: Io;
  readonly loaders: Loaders;
  readonly args: readonly string[];
  readonly values: Values;
  readonly out: Output;
  readonly #timeoutMs: number | undefined;

  constructor(io: Io, loaders: Loaders, args: readonly string[], values: Values) {
    this.io = io;
    this.loaders = loaders;
    this.args = args;
    this.values = values;
    this.out = new Output(io, values.flag("json"));
    this.#timeoutMs = values.number("timeout");
  }

  /** The argument at `index`; the table says that it is there. */
  arg(index: number): string {
    const value = this.args[index];
    if (value === undefined) throw new RangeError(`argument ${index} is optional`);
    return value;
  }

  async dataDir(): Promise<string> {
    const { resolveDataDir } = await this.loaders.dataDir();
    return resolveDataDir(this.values.text("data-dir"), this.io.env);
  }

  /** `coterie` with what another command needs to reach the same node. */
  command(rest: string): string {
    const flag = this.values.text("data-dir");
    if (flag === undefined) return `coterie ${rest}`;
    const quoted = /^[\w./@:+-]+$/.test(flag) ? flag : `'${flag.replaceAll("'", `'\\''`)}'`;
    return `coterie --data-dir ${quoted} ${rest}`;
  }

  /** A deadline for one answer. */
  timeoutMs(otherwise = defaultTimeoutMs): number {
    return this.#timeoutMs ?? otherwise;
  }

  get once(): CallOptions {
    return { timeoutMs: this.timeoutMs() };
  }

  /** Streams run until they end or are ended; with `--timeout` for so long at most. */
  get stream(): CallOptions {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs === undefined) return {};
    const late = new AbortController();
    const reason = new CoterieError("TIMEOUT", `not over within ${humanDuration(timeoutMs)}`);
    setTimeout(() => late.abort(reason), timeoutMs).unref();
    return { signal: late.signal };
  }

  /** The error with a hint that fits how we were called. */
  explained(error: unknown): unknown {
    if (!(error instanceof CoterieError) || error.code !== "NOT_RUNNING") return error;
    const hint = `start one with: ${this.command("up")}`;
    return new CoterieError(error.code, error.message, { hint, cause: error });
  }

  async client(): Promise<Client> {
    const { controlSocketPath } = await this.loaders.dataDir();
    const { createClient } = await import("../control/client.ts");
    return createClient(controlSocketPath(await this.dataDir()));
  }
}
