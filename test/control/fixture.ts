/** A real control server on a socket in a folder of its own, with a fake daemon behind it and the real client. */
import { mkdtempSync, rmSync } from "node:fs";
import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Client } from "../../src/control/client.ts";
import type { Daemon } from "../../src/control/daemon.ts";
import { startControl, type Control } from "../../src/control/server.ts";
import type { Clock, Metrics } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import { createFakeDaemon, type FakeDaemon } from "./fake-daemon.ts";

export type Fixture = {
  readonly daemon: FakeDaemon;
  readonly client: Client;
  readonly control: Control;
  readonly metrics: Metrics;
  readonly folder: string;
  readonly socketPath: string;
  /** Stops the server and removes the folder. */
  close(): Promise<void>;
};

/** `calls` take the place of the fake daemon's own. */
export async function startFixture(
  clock: Clock = systemClock,
  calls: Partial<Daemon> = {},
): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), "coterie-control-"));
  const socketPath = join(folder, "control.sock");
  const daemon = Object.assign(createFakeDaemon(), calls);
  const metrics = createMetrics();
  const { log } = daemon.logs;
  const control = await startControl({ daemon, socketPath, log, metrics, clock, version: "0.1.0" });
  return {
    daemon,
    client: createClient(socketPath),
    control,
    metrics,
    folder,
    socketPath,
    async close() {
      await control.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

/** The machine's clock, with all delays made shorter. */
export function hurriedClock(factor: number): Clock {
  return {
    ...systemClock,
    after: (delayMs, run) => systemClock.after(delayMs / factor, run),
    sleep: (delayMs, signal) => systemClock.sleep(delayMs / factor, signal),
  };
}

export type RawAnswer = { status: number; headers: IncomingHttpHeaders; text: string };

/** A request with nothing added or checked, unlike those of the client. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  options: { headers?: OutgoingHttpHeaders; body?: string | Uint8Array } = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost", ...options.headers };
    const sent = request({ socketPath, method, path, headers, agent: false, setHost: false });
    sent.on("error", reject);
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("error", reject);
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.end(options.body);
  });
}

/** Sends bytes as they are (and with `end` no more) and resolves with all that comes back until the server closes. */
export function rawExchange(
  socketPath: string,
  bytes: string | Uint8Array,
  { end = false } = {},
): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(socketPath, () => (end ? socket.end(bytes) : socket.write(bytes)));
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => undefined); // a reset after the answer; "close" follows
    socket.on("close", () => resolve(text));
  });
}

export function errorCode(answer: RawAnswer): string {
  return (JSON.parse(answer.text) as { error: { code: string } }).error.code;
}

/** Resolves when the condition holds; rejects after `withinMs`. */
export async function until(condition: () => boolean, withinMs = 10_000): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error("the condition did not come true in time");
    await systemClock.sleep(2);
  }
}

export async function* chunked(
  bytes: string | Uint8Array,
  size = 65_536,
): AsyncGenerator<Uint8Array> {
  const whole = Buffer.from(bytes);
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await collect(chunks)).toString();
}
