/** A node that holds no valid ticket gets no application stream (law 4). */
import { noise } from "@libp2p/noise";
import { identify } from "@libp2p/identify";
import type { Libp2p } from "@libp2p/interface";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p, type Libp2pOptions } from "libp2p";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { toHex } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { sha256 } from "../../src/core/identity.ts";
import { encryptionProtocol, noisePrologue } from "../../src/host/net/encrypter.ts";
import { codedError } from "../coded-error.ts";
import { node, testNetwork, until } from "./fixture.ts";

const signal = (): AbortSignal => AbortSignal.timeout(20_000);

async function plainNode(
  connectionEncrypters: NonNullable<Libp2pOptions["connectionEncrypters"]>,
): Promise<Libp2p> {
  const plain = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters,
    streamMuxers: [yamux()],
    services: { identify: identify(), ping: ping() },
  });
  onTestFinished(async () => plain.stop());
  return plain;
}

test("a plain libp2p node is refused in both directions, and the dial says why", async () => {
  const network = testNetwork("plain");
  const member = await node(network);
  const plain = await plainNode([noise()]);
  const opened: unknown[] = [];
  plain.addEventListener("connection:open", (event) => opened.push(event.detail));

  await expect(plain.dial(multiaddr(member.addresses()[0]))).rejects.toThrow(/negotiate/);
  const error = await codedError(
    () => member.dial([plain.getMultiaddrs()[0]!.toString()], signal()),
    "WRONG_NETWORK",
  );
  expect(error.message).toContain("no Coterie node");
  expect(opened).toEqual([]);
  expect(member.connected()).toEqual([]);
});

test("a node that knows the protocol name but not the secret gets no stream of ours", async () => {
  const network = testNetwork("secretless");
  const member = await node(network);
  const makeNoise = noise({
    prologueBytes: noisePrologue({ ...network, secret: sha256(network.secret) }),
  });
  const plain = await plainNode([
    (components) => Object.assign(makeNoise(components), { protocol: encryptionProtocol(1) }),
  ]);
  const opened: unknown[] = [];
  plain.addEventListener("connection:open", (event) => opened.push(event.detail));

  await expect(plain.dial(multiaddr(member.addresses()[0]))).rejects.toThrow(/stage 1 validation/);
  expect(opened).toEqual([]);
  expect(plain.getConnections()).toEqual([]);
  const refused = (): number | undefined => member.metrics.read()["net.handshakes_failed_inbound"];
  await until("the member counted it", () => refused() === 1);
  const protocols = ["/ipfs/id/1.0.0", `/coterie/${toHex(network.id)}/kad/1.0.0`, "/meshsub/1.2.0"];
  await expect(plain.dialProtocol(multiaddr(member.addresses()[0]), protocols)).rejects.toThrow(
    /stage 1 validation/,
  );
});

test("a wrong secret, another network and another epoch are told apart from nobody listening", async () => {
  const network = testNetwork("gate");
  const member = await node(network);
  const [address] = member.addresses();
  const to = (changes: object) =>
    node({ ...network, ...changes }).then((stranger) => () => stranger.dial([address!], signal()));

  const secret = await codedError(await to({ secret: sha256(network.secret) }), "WRONG_NETWORK");
  expect(secret.message).toBe("the peer refused the handshake: wrong network secret or network");
  await codedError(await to({ id: sha256(network.id) }), "WRONG_NETWORK");
  const epoch = await codedError(await to({ epoch: 2 }), "WRONG_NETWORK");
  expect(epoch.message).toContain("another epoch");
  expect(member.connected()).toEqual([]);

  await member.stop();
  const gone = await codedError(await to({}), "UNREACHABLE");
  expect(gone.message).toContain("ECONNREFUSED");
});

test("a server that says nothing costs a dial its deadline, one that talks nonsense less", async () => {
  const member = await node(testNetwork("mute"));
  const mute = await tcpServer(() => {});
  const startedAt = performance.now();
  await codedError(() => member.dial([mute], signal()), "TIMEOUT");
  expect(performance.now() - startedAt).toBeLessThan(limits.dialMs + 2_000);

  const http = await tcpServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await codedError(() => member.dial([http], signal()), "UNREACHABLE");
});

test("members of one network connect, and only they count", async () => {
  const network = testNetwork("members");
  const [first, second] = [await node(network), await node(network)];
  const heard: [string, boolean][] = [];
  first.onPeer((peer, up) => heard.push([peer, up]));
  await second.dial(first.addresses(), signal());
  await until(
    "both are connected",
    () => first.connected().length + second.connected().length === 2,
  );
  expect(heard).toEqual([[second.self, true]]);
  expect(second.peers()).toMatchObject([
    { peerId: first.self, address: first.addresses()[0], direction: "outbound" },
  ]);
  await second.stop();
  await until("the loss is heard of", () => heard.length === 2);
  expect(heard[1]).toEqual([second.self, false]);
  expect(first.connected()).toEqual([]);
});

test("an address that is taken or not ours is said in one line", async () => {
  const network = testNetwork("taken");
  const first = await node(network);
  const [taken] = first.addresses()[0]!.split("/p2p/");
  const error = await codedError(() => node(network, { listen: [taken!] }), "NO_ADDRESS");
  expect(error.message).toContain(`cannot listen on ${taken}: EADDRINUSE`);
  expect(error.message).not.toContain("\n");
  const listen = ["/ip4/192.0.2.1/tcp/4001"];
  const other = await codedError(() => node(network, { listen, meetingPort: true }), "NO_ADDRESS");
  expect(other.message).toContain("EADDRNOTAVAIL");
});

async function tcpServer(onSocket: (socket: import("node:net").Socket) => void): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on("error", () => {});
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null
    ? `/ip4/127.0.0.1/tcp/${address.port}`
    : "";
}
