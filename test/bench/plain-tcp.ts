/** The floor: batches over a TCP connection to a process that appends them to a file and flushes each. */
import { fork } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { wireBytes } from "./peers.ts";

const entryBytes = 16 + 64;
const program = fileURLToPath(import.meta.url);

function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Time until the last byte is on the other's disk, bytes of the interface, CPU of both. */
export async function plainTcp(
  count: number,
  perBatch: number,
): Promise<{ ms: number; bytes: number; cpuMs: number }> {
  const child = fork(program, ["receive", String(count * entryBytes)]);
  try {
    const [{ port }] = (await once(child, "message")) as [{ port: number }];
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    const batch = new Uint8Array(perBatch * entryBytes).fill(7);
    const [bytes, cpu] = [wireBytes(), process.cpuUsage()];
    const done = once(child, "message") as Promise<[{ at: number; cpuMs: number }]>;
    const startedAt = now();
    for (let sent = 0; sent < count; sent += perBatch) {
      if (!socket.write(batch)) await once(socket, "drain");
    }
    const [{ at, cpuMs }] = await done;
    socket.destroy();
    const { user, system } = process.cpuUsage(cpu);
    return {
      ms: at - startedAt,
      bytes: wireBytes() - bytes,
      cpuMs: cpuMs + (user + system) / 1000,
    };
  } finally {
    child.kill();
  }
}

function receive(wanted: number): void {
  const folder = mkdtempSync(join(tmpdir(), "coterie-bench-"));
  const file = openSync(join(folder, "log"), "w");
  const server = createServer((socket: Socket) => {
    let received = 0;
    socket.on("data", (chunk) => {
      writeSync(file, chunk);
      fdatasyncSync(file);
      received += chunk.length;
      if (received < wanted) return;
      const { user, system } = process.cpuUsage();
      process.send?.({ at: now(), cpuMs: (user + system) / 1000 });
      closeSync(file);
      rmSync(folder, { recursive: true });
      server.close();
    });
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1", () => {
    process.send?.({ port: (server.address() as AddressInfo).port });
  });
}

if (process.argv[2] === "receive") receive(Number(process.argv[3]));
