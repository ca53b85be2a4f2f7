import { once } from "node:events";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { BulkChannel, Clock } from "../../src/core/ports.ts";
import { systemClock } from "../../src/host/clock.ts";
import { makeCertificate, type Certificate } from "../../src/host/net/bulk-certificate.ts";
import {
  bulkProtocol,
  decodeAnswer,
  decodeAsk,
  encodeAnswer,
  encodeAsk,
  fallBack,
  readFrame,
  type Answer,
} from "../../src/host/net/bulk-frames.ts";
import { BulkTokens } from "../../src/host/net/bulk-tokens.ts";
import { StreamBytes } from "../../src/host/net/stream-bytes.ts";
import { systemRandom } from "../../src/host/random.ts";
import {
  chain,
  connectedAll,
  insideOf,
  manualClock,
  testNetwork,
  until,
  type TestNode,
} from "./fixture.ts";

type Offer = Extract<Answer, { kind: "socket" }>;
const signal = (): AbortSignal => AbortSignal.timeout(20_000);
const certificate = (): Certificate => makeCertificate(systemClock, systemRandom);

async function pair(name: string, clock: Clock = systemClock): Promise<[TestNode, TestNode]> {
  const nodes = (await chain(2, testNetwork(name), () => ({ clock }))) as [TestNode, TestNode];
  await until("both are connected", () => connectedAll(nodes));
  return nodes;
}

/** Two nodes of which the first takes channels for `test`; and how to ask it by hand, from the second. */
async function holder(name: string) {
  const [first, second] = await pair(name);
  const accepted: BulkChannel[] = [];
  first.bulk.on("test", { handle: (channel) => accepted.push(channel) });
  const ask = async (own: Certificate, hosts = ["127.0.0.1"]) => {
    const [connection] = insideOf(second).getConnections();
    const stream = new StreamBytes(
      await connection!.newStream([bulkProtocol], { signal: signal() }),
    );
    await stream.write(encodeAsk({ purpose: "test", fingerprint: own.fingerprint, hosts }));
    return { stream, answer: decodeAnswer(await readFrame(stream.queue)) as Offer };
  };
  const refused = (): number => first.metrics.read()["bulk.sockets_refused"] ?? 0;
  return { first, second, accepted, ask, refused };
}

/** Says so over TLS and returns what came back before the end. */
async function present(
  port: number,
  own: Certificate | undefined,
  token: Uint8Array,
): Promise<Buffer> {
  const socket = connectTls({
    host: "127.0.0.1",
    port,
    ...(own && { cert: own.cert, key: own.key }),
    rejectUnauthorized: false,
  });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => undefined);
  socket.on("secureConnect", () => socket.write(token));
  const closed = new Promise((resolve) => socket.on("close", resolve));
  const welcomed = new Promise((resolve) => socket.once("data", resolve));
  await Promise.race([closed, welcomed]);
  socket.destroy();
  return Buffer.concat(chunks);
}

const nothing = Buffer.alloc(0);

test("only the token, once, under the certificate that was named, opens a channel", async () => {
  const { first, accepted, ask, refused } = await holder("tokens");
  const [own, other] = [certificate(), certificate()];
  const { answer } = await ask(own);
  expect(answer.kind).toBe("socket");
  const { port, token } = answer;
  expect(await present(port, own, systemRandom.bytes(32))).toEqual(nothing);
  expect(await present(port, undefined, token)).toEqual(nothing);
  expect(accepted).toEqual([]);
  expect(await present(port, own, token)).toEqual(Buffer.of(1));
  expect(accepted.map(({ peer, lane }) => [peer, lane])).toEqual([[accepted[0]!.peer, "direct"]]);
  // again
  expect(await present(port, own, token)).toEqual(nothing);
  // by another than the one it was given to: it is lost to both
  const stolen = (await ask(own)).answer;
  expect(await present(port, other, stolen.token)).toEqual(nothing);
  expect(await present(port, own, stolen.token)).toEqual(nothing);
  // with more behind it
  const hasty = (await ask(own)).answer;
  expect(await present(port, own, Buffer.concat([hasty.token, nothing, Buffer.of(1)]))).toEqual(
    nothing,
  );
  expect(accepted).toHaveLength(1);
  expect(refused()).toBe(6);
  expect(first.metrics.read()["bulk.channels_direct"]).toBe(1);
});

test("a token dies with the agreement's stream, and with the connection", async () => {
  const { first, second, accepted, ask } = await holder("dies");
  const own = certificate();
  const left = await ask(own);
  left.stream.abort(new Error("gone"));
  const { port } = left.answer;
  const kept = await ask(own);
  const [connection] = insideOf(first).getConnections();
  const agreements = () => connection!.streams.filter(({ protocol }) => protocol === bulkProtocol);
  await until("the holder noticed", () => agreements().length === 1);
  await first.setBlocked([second.self]);
  expect(await present(port, own, kept.answer.token)).toEqual(nothing);
  expect(await present(port, own, left.answer.token)).toEqual(nothing);
  expect(accepted).toEqual([]);
});

test("tokens expire, and are bounded for a peer and for all", () => {
  const clock = manualClock();
  const tokens = new BulkTokens(clock, systemRandom);
  const fingerprint = certificate().fingerprint;
  const give = (peer: string) => tokens.give({ peer, purpose: "test", fingerprint });
  const first = give("a")!;
  const second = give("a")!;
  clock.pass(limits.bulkTokenMs - 1);
  expect(tokens.redeem(first, fingerprint)?.peer).toBe("a");
  clock.pass(1);
  expect(tokens.redeem(second, fingerprint)).toBeUndefined();
  const many = Array.from({ length: limits.bulkTokensPerPeerMax + 1 }, () => give("a"));
  expect(many.filter((token) => token === undefined)).toHaveLength(1);
  expect(give("b")).toBeDefined();
  tokens.revokePeer("a");
  expect(tokens.redeem(many[0]!, fingerprint)).toBeUndefined();
  const all = Array.from({ length: limits.bulkTokensMax }, (_, index) => give(`peer ${index}`));
  expect(all.filter((token) => token === undefined)).toHaveLength(1);
  clock.pass(limits.bulkTokenMs);
  expect(give("a")).toBeDefined();
});

test("silent sockets are closed in time, a flood of them is bounded, and the peer gets its channel", async () => {
  const { first, second, ask } = await holder("flood");
  const { answer } = await ask(certificate());
  const sockets: Socket[] = [];
  let closed = 0;
  for (let index = 0; index < limits.bulkPendingPerHostMax + 20; index++) {
    const socket = connect(answer.port, "127.0.0.1").on("error", () => undefined);
    socket.on("close", () => closed++).resume();
    sockets.push(socket);
  }
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  await until("the rest is turned away", () => first.metrics.read()["bulk.over_pending"]! >= 20);
  // the flood comes from the peer's own IP, which is the worst case: its channel goes over libp2p
  const channel = await second.bulk.open(first.self, "test", signal());
  expect(channel.lane).toBe("libp2p");
  await until("all are closed", () => closed === sockets.length, limits.bulkPendingMs + 5_000);
});

test("what is no agreement ends the stream, and is counted", async () => {
  const { first, second } = await holder("frames");
  const [connection] = insideOf(second).getConnections();
  for (const bytes of [
    [0, 1, 9],
    [255, 255],
    [0, 3, 1, 2, 255],
  ]) {
    const stream = await connection!.newStream([bulkProtocol], { signal: signal() });
    stream.send(Uint8Array.from(bytes));
    await until("it is reset", () => stream.status === "reset");
  }
  expect(first.metrics.read()["bulk.bad_frames"]).toBe(3);
});

/** The second node asks the first, whose answer is made by hand; resolves with what the first is told then. */
async function dupe(name: string, offer: Omit<Offer, "kind" | "host" | "token">) {
  const [first, second] = await pair(name);
  const token = systemRandom.bytes(32);
  const told = Promise.withResolvers<Uint8Array>();
  await insideOf(first).unhandle(bulkProtocol);
  await insideOf(first).handle(bulkProtocol, async (stream) => {
    const bytes = new StreamBytes(stream);
    const { hosts } = decodeAsk(await readFrame(bytes.queue));
    if (hosts.length === 0) {
      await bytes.write(encodeAnswer({ kind: "stream" }));
      return;
    }
    await bytes.write(encodeAnswer({ kind: "socket", host: 0, token, ...offer }));
    told.resolve(await bytes.queue.take(fallBack.length));
  });
  const channel = await second.bulk.open(first.self, "test", signal());
  return { first, second, channel, token, told: await told.promise };
}

test("a socket with another certificate gets not a byte of the token, and is not asked again soon", async () => {
  const man = certificate();
  const seen: Buffer[] = [];
  const middle = createTlsServer({ cert: man.cert, key: man.key }, (socket) => {
    socket.on("data", (chunk) => seen.push(chunk)).on("error", () => undefined);
  });
  middle.on("tlsClientError", () => undefined).listen(0, "127.0.0.1");
  onTestFinished(() => void middle.close());
  await once(middle, "listening");
  let connections = 0;
  middle.on("connection", () => connections++);
  const { port } = middle.address() as AddressInfo;
  const fingerprint = certificate().fingerprint;
  const { first, second, channel, told } = await dupe("middle", { port, fingerprint });
  expect(channel.lane).toBe("libp2p");
  expect(told).toEqual(fallBack);
  expect((await second.bulk.open(first.self, "test", signal())).lane).toBe("libp2p");
  expect(connections).toBe(1);
  expect(seen).toEqual([]);
  expect(second.metrics.read()["bulk.direct_failed"]).toBe(1);
});

test.each(["refuses", "is silent"])("a socket that %s costs seconds at most", async (how) => {
  const silent = createTcpServer((socket) => void socket.on("error", () => undefined).resume());
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  if (how === "refuses") silent.close();
  else onTestFinished(() => void silent.close());
  const startedAt = performance.now();
  const { channel, told } = await dupe(how, { port, fingerprint: certificate().fingerprint });
  expect(told).toEqual(fallBack);
  expect(channel.lane).toBe("libp2p");
  expect(performance.now() - startedAt).toBeLessThan(limits.bulkDirectMs + 5_000);
});
