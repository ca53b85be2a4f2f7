/** One end of a transfer, in a process of its own: `transfer.ts` tells it what to do, one order at a time. */
import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { code as dagPbCode, createLink, createNode, encode } from "@ipld/dag-pb";
import { CID } from "multiformats/cid";
import { create as multihash } from "multiformats/hashes/digest";
import { fromHex } from "../../src/core/codec.ts";
import { identityFromSeed, sha256 } from "../../src/core/identity.ts";
import { limits } from "../../src/core/limits.ts";
import type { Log } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { HashThread } from "../../src/host/hash-thread.ts";
import { createMetrics } from "../../src/host/metrics.ts";
import type { NetNode } from "../../src/host/net/create-node.ts";
import { startNet, type RunningNet } from "../../src/host/net/libp2p-net.ts";
import { StreamBytes } from "../../src/host/net/stream-bytes.ts";
import { systemRandom } from "../../src/host/random.ts";
import type { Blocks } from "../../src/share/files/blocks.ts";
import { linksInOrder } from "../../src/share/files/block-links.ts";
import { BlockServer } from "../../src/share/files/transfer/block-server.ts";
import { Fetcher } from "../../src/share/files/transfer/fetcher.ts";
import { blocksProtocol } from "../../src/share/files/transfer/frames.ts";

const MiB = 1024 * 1024;
const plain = "/coterie-bench/plain/1.0.0";
const silent: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  trace: () => undefined,
  child: () => silent,
};

/** Bytes that are written before they begin to be flushed: a pack of the daemon's own store. */
const unflushedBytesMax = limits.packBytesMax;

/** One file, blocks one after the other, and where each lies: the least that a store can do. */
class FileBlocks implements Blocks {
  readonly #places = new Map<string, { at: number; size: number }>();
  readonly #file: Awaited<ReturnType<typeof open>>;
  #end = 0;
  #unflushedBytes = 0;
  #flushing: Promise<void> = Promise.resolve();

  constructor(file: Awaited<ReturnType<typeof open>>) {
    this.#file = file;
  }

  has(cid: CID): boolean {
    return this.#places.has(cid.toString());
  }

  async get(cid: CID): Promise<Uint8Array | undefined> {
    const place = this.#places.get(cid.toString());
    if (place === undefined) return undefined;
    const bytes = Buffer.allocUnsafeSlow(place.size);
    await this.#file.read(bytes, 0, place.size, place.at);
    return bytes;
  }

  async putMany(blocks: readonly { cid: CID; bytes: Uint8Array }[]): Promise<void> {
    const at = this.#end;
    for (const { cid, bytes } of blocks) this.place(cid, bytes.length);
    const parts = blocks.map(({ bytes }) => bytes);
    await this.#file.writev(parts, at);
    this.#unflushedBytes += this.#end - at;
    if (this.#unflushedBytes < unflushedBytesMax) return;
    this.#unflushedBytes = 0;
    this.#flushing = this.#flushing.then(() => this.#file.datasync());
    this.#flushing.catch(() => undefined); // `flush` rejects
  }

  async flush(): Promise<void> {
    await this.#flushing;
    await this.#file.datasync();
  }

  place(cid: CID, size: number): void {
    this.#places.set(cid.toString(), { at: this.#end, size });
    this.#end += size;
  }
}

/** Gives other bytes than it says, once it has given so many blocks. */
class LyingBlocks extends FileBlocks {
  #honest = 100;

  override async get(cid: CID): Promise<Uint8Array | undefined> {
    const bytes = await super.get(cid);
    if (bytes !== undefined && this.#honest-- <= 0) bytes[bytes.length >> 1]! ^= 1;
    return bytes;
  }
}

function cidOf(bytes: Uint8Array, code = 0x55): CID {
  return CID.createV1(code, multihash(0x12, sha256(bytes)));
}

/** The file as it lies, in leaves of 1 MiB, with its nodes behind it. */
async function addFile(
  path: string,
  Kind = FileBlocks,
): Promise<{ blocks: FileBlocks; root: CID }> {
  const file = await open(path, "r+");
  const blocks = new Kind(file);
  const leaves: CID[] = [];
  const chunk = Buffer.alloc(MiB);
  for (;;) {
    const size = readSync(file.fd, chunk, 0, MiB, leaves.length * MiB);
    if (size === 0) break;
    const cid = cidOf(chunk.subarray(0, size));
    blocks.place(cid, size);
    leaves.push(cid);
  }
  const bytes = encode(
    createNode(
      new Uint8Array(0),
      leaves.map((cid) => createLink("", MiB, cid)),
    ),
  );
  const root = cidOf(bytes, dagPbCode);
  await blocks.putMany([{ cid: root, bytes }]);
  return { blocks, root };
}

class Peer {
  readonly #folder: string;
  readonly #role: string;
  readonly #hasher = new HashThread();
  #net: RunningNet | undefined;
  #root: CID | undefined;
  readonly #charged: string[] = [];
  #runs = 0;
  #rssBefore = 0;
  #rssMost = 0;
  #cpuBefore = process.cpuUsage();

  constructor(folder: string, role: string) {
    this.#folder = folder;
    this.#role = role;
    setInterval(() => {
      this.#rssMost = Math.max(this.#rssMost, process.memoryUsage.rss());
    }, 20).unref();
  }

  get #node(): NetNode {
    return (this.#net as unknown as { libp2p: NetNode }).libp2p;
  }

  /** The file that the sender has: made once, of random bytes. */
  async start(
    secret: string,
    size: number,
  ): Promise<{ addresses: string[]; port: number; root: string }> {
    this.#net = await startNet({
      identity: identityFromSeed(systemRandom.bytes(32)),
      network: { id: fromHex(secret), name: "bench", secret: fromHex(secret), epoch: 1 },
      listen: ["/ip4/127.0.0.1/tcp/0"],
      meetingPort: false,
      bootstrap: [],
      mdns: false,
      connectionsWanted: 1,
      connectionsMax: 10,
      addressBookFile: join(this.#folder, `${this.#role}.json`),
      faults: false,
      clock: systemClock,
      random: systemRandom,
      log: silent,
      metrics: createMetrics(),
    });
    if (this.#role.startsWith("receiver")) return { addresses: [], port: 0, root: "" };
    const path = join(this.#folder, "source");
    if (!existsSync(path)) {
      const file = openSync(path, "w");
      for (let at = 0; at < size; at += MiB) writeSync(file, systemRandom.bytes(MiB));
    }
    const { blocks, root } = await addFile(path, this.#role === "liar" ? LyingBlocks : FileBlocks);
    this.#root = root;
    const budget = { spend: async () => undefined };
    const server = new BlockServer({
      blocks,
      budget,
      clock: systemClock,
      log: silent,
      metrics: createMetrics(),
    });
    this.#net.bulk.on(blocksProtocol, server);
    await this.#node.handle(plain, async (stream) => {
      const bytes = new StreamBytes(stream);
      for await (const chunk of createReadStream(path, { highWaterMark: MiB }))
        await bytes.write(chunk as Buffer);
      await bytes.end();
    });
    const tcp = createServer((socket: Socket) => {
      pipeline(createReadStream(path, { highWaterMark: MiB }), socket).catch(() => undefined);
    });
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as AddressInfo;
    return { addresses: this.#net.addresses(), port, root: this.#root.toString() };
  }

  async connect(addresses: string[]): Promise<void> {
    await this.#net!.dial(addresses, AbortSignal.timeout(10_000));
  }

  begin(): void {
    (globalThis as { gc?: () => void }).gc?.();
    this.#rssBefore = this.#rssMost = process.memoryUsage.rss();
    this.#cpuBefore = process.cpuUsage();
  }

  used(): { cpuMs: number; rssBytes: number } {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    return { cpuMs: (user + system) / 1_000, rssBytes: this.#rssMost - this.#rssBefore };
  }

  /** Over TCP, hashed and written. */
  async tcp(port: number): Promise<number> {
    const hash = createHash("sha256");
    const file = createWriteStream(this.#path(), { highWaterMark: 4 * MiB });
    const startedAt = performance.now();
    const socket = connect(port, "127.0.0.1");
    await pipeline(
      socket,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          yield chunk;
        }
      },
      file,
    );
    hash.digest();
    return performance.now() - startedAt;
  }

  /** A libp2p stream, read and counted only. */
  async stream(): Promise<number> {
    const [connection] = this.#node.getConnections();
    const startedAt = performance.now();
    const bytes = new StreamBytes(await connection!.newStream([plain]));
    for await (const chunk of bytes.queue) void chunk;
    await bytes.end();
    return performance.now() - startedAt;
  }

  /**
   * From all that are connected; the ones that lied. `killed`: the process of one, killed when half has come. Throws when
   * what came is not, byte for byte, what the sender has.
   */
  async fetchFromAll(root: string, killed?: number): Promise<{ ms: number; charged: string[] }> {
    await using file = await open(this.#path(), "w+");
    const blocks = new FileBlocks(file);
    const cid = CID.parse(root);
    let total = Number.POSITIVE_INFINITY;
    let toKill = killed;
    const startedAt = performance.now();
    await this.#fetcher(blocks).fetch(cid, {
      sources: this.#net!.connected(),
      signal: AbortSignal.timeout(120_000),
      onProgress: ({ blocks: count }) => {
        if (total === Number.POSITIVE_INFINITY && blocks.has(cid)) {
          total = 0;
          void this.#leaves(blocks, cid).then((leaves) => (total = leaves.length));
        }
        if (toKill === undefined || total === 0 || count < total / 2) return;
        process.kill(toKill, "SIGKILL");
        toKill = undefined;
      },
    });
    const ms = performance.now() - startedAt;
    if (toKill !== undefined) throw new Error("nobody was killed");
    await this.#compare(blocks, cid);
    return { ms, charged: this.#charged.splice(0) };
  }

  async #leaves(blocks: FileBlocks, root: CID): Promise<readonly CID[]> {
    return linksInOrder(root, (await blocks.get(root))!);
  }

  async #compare(blocks: FileBlocks, root: CID): Promise<void> {
    await using source = await open(join(this.#folder, "source"), "r");
    const expected = Buffer.alloc(MiB);
    let at = 0;
    for (const leaf of await this.#leaves(blocks, root)) {
      const found = (await blocks.get(leaf))!;
      const { bytesRead } = await source.read(expected, 0, found.length, at);
      if (!expected.subarray(0, bytesRead).equals(found)) throw new Error(`other bytes at ${at}`);
      at += found.length;
    }
  }

  #fetcher(blocks: Blocks): Fetcher {
    return new Fetcher({
      bulk: this.#net!.bulk,
      blocks,
      hasher: this.#hasher,
      budget: { spend: async () => undefined },
      clock: systemClock,
      log: silent,
      metrics: createMetrics(),
      charge: (peer) => this.#charged.push(peer),
    });
  }

  async name(): Promise<string> {
    return this.#node.peerId.toString();
  }

  async fetch(root: string, lane: string): Promise<number> {
    await using file = await open(this.#path(), "w+");
    const blocks = new FileBlocks(file);
    const startedAt = performance.now();
    const { sources } = await this.#fetcher(blocks).fetch(CID.parse(root), {
      sources: this.#net!.connected(),
      signal: AbortSignal.timeout(120_000),
      ...(lane === "libp2p" ? { lane } : {}),
    });
    const ms = performance.now() - startedAt;
    if (this.#charged.length > 0) throw new Error(`charged: ${this.#charged.join(", ")}`);
    if (sources[0]?.lane !== lane) throw new Error(`it went over ${sources[0]?.lane}`);
    return ms;
  }

  async stop(): Promise<void> {
    await this.#net?.stop();
    await this.#hasher.stop();
  }

  #path(): string {
    return join(this.#folder, `${this.#role}-${this.#runs++ % 2}`);
  }
}

export type TransferPeer = Pick<
  Peer,
  | "start"
  | "connect"
  | "name"
  | "begin"
  | "used"
  | "tcp"
  | "stream"
  | "fetch"
  | "fetchFromAll"
  | "stop"
>;

const [folder, role] = process.argv.slice(2);
const peer = new Peer(folder ?? "", role ?? "");
process.on("message", (order: { name: keyof TransferPeer; args: unknown[] }) => {
  const call = peer[order.name].bind(peer) as (...args: unknown[]) => unknown;
  Promise.resolve(call(...order.args)).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit());
