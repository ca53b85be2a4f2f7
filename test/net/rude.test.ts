/** Nothing that comes from the network ends the process (law 3): vitest fails on every unhandled error it leaves. */
import { once } from "node:events";
import { connect } from "node:net";
import type { Connection } from "@libp2p/interface";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeLength } from "../../src/host/net/frame-parser.ts";
import { concatBytes, encodeUtf8 } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import { encryptionProtocol } from "../../src/host/net/encrypter.ts";
import {
  chain,
  connectedAll,
  insideOf,
  node,
  testNetwork,
  until,
  type TestNode,
} from "./fixture.ts";

const bytes = fc.uint8Array({ minLength: 1, maxLength: 2_000 });

async function pair(name: string): Promise<[TestNode, TestNode]> {
  const nodes = (await chain(2, testNetwork(name))) as [TestNode, TestNode];
  for (const each of nodes) each.pubsub.subscribe("coterie/test");
  await until("both are connected", () => connectedAll(nodes));
  return nodes;
}

async function stillWell(victim: TestNode, rude: TestNode): Promise<void> {
  const late = await node(victim.options.network, { bootstrap: victim.addresses() });
  await until("a newcomer is served", () => late.connected().includes(victim.self));
  await until("the rude one may come back", () => victim.connected().includes(rude.self));
}

test("strangers talking nonsense at any point before the handshake", async () => {
  const victim = await node(testNetwork("stranger"));
  const [, , host, , port] = victim.addresses()[0]!.split("/");
  const line = (text: string): Uint8Array => {
    const utf8 = encodeUtf8(`${text}\n`);
    return concatBytes(encodeLength(utf8.length), utf8);
  };
  const hello = concatBytes(line("/multistream/1.0.0"), line(encryptionProtocol(1)));
  const openings = [new Uint8Array(0), hello.subarray(0, 9), hello];
  const talks = openings.flatMap((opening) =>
    fc.sample(bytes, 10).map((nonsense) => ({ opening, nonsense })),
  );
  await Promise.all(
    talks.map(async ({ opening, nonsense }, index) => {
      const socket = connect(Number(port), host);
      socket.on("error", () => {});
      await once(socket, "connect");
      socket.resume();
      socket.write(opening);
      socket.write(nonsense);
      if (index % 3 === 0) socket.resetAndDestroy();
      else if (index % 3 === 1) socket.end();
      await new Promise((resolve) => socket.once("close", resolve));
    }),
  );
  const friend = await node(victim.options.network, { bootstrap: victim.addresses() });
  await until("members are served", () => connectedAll([victim, friend]));
});

test("a member that sends nonsense inside its connection", async () => {
  const [victim, rude] = await pair("frames");
  for (const nonsense of fc.sample(bytes, 15)) {
    await until("they are connected", () => rude.connected().length === 1);
    for (const connection of insideOf(rude).getConnections()) wire(connection).send(nonsense);
  }
  await stillWell(victim, rude);
});

/** What carries the muxer's frames. */
function wire(connection: Connection): { send(data: Uint8Array): boolean } {
  return (connection as unknown as { muxer: { maConn: { send(data: Uint8Array): boolean } } }).muxer
    .maConn;
}

test("a member that sends nonsense on every protocol", async () => {
  const [victim, rude] = await pair("protocols");
  victim.onSync((channel) => {
    void (async () => {
      for await (const frame of channel.frames) await channel.send(frame);
    })().catch(() => {});
  });
  const protocols = insideOf(victim).getProtocols();
  expect(protocols.length).toBeGreaterThan(5);
  for (const protocol of protocols) {
    for (const [index, nonsense] of fc.sample(bytes, 6).entries()) {
      await until("they are connected", () => rude.connected().length === 1);
      const [connection] = insideOf(rude).getConnections();
      const stream = await connection!
        .newStream([protocol], { signal: AbortSignal.timeout(2_000) })
        .catch(() => undefined);
      if (stream === undefined) continue;
      if (stream.writeStatus !== "writable") continue;
      stream.send(
        index % 2 === 0 ? concatBytes(encodeLength(nonsense.length), nonsense) : nonsense,
      );
      if (index % 3 === 0) stream.abort(new Error("rude"));
      else if (index % 3 === 1)
        await stream.close({ signal: AbortSignal.timeout(1_000) }).catch(() => {});
    }
  }
  await stillWell(victim, rude);
});

test("a member that opens streams without end holds a bounded number", async () => {
  const [victim, rude] = await pair("streams");
  const [connection] = insideOf(rude).getConnections();
  const opening = Array.from({ length: 600 }, () =>
    connection!
      .newStream(["/ipfs/ping/1.0.0"], { maxOutboundStreams: 1_000 })
      .catch(() => undefined),
  );
  await Promise.all(opening);
  const held = insideOf(victim)
    .getConnections()
    .reduce((sum, each) => sum + each.streams.length, 0);
  expect(held).toBeLessThanOrEqual(limits.streamsInboundMax + 20);
  await stillWell(victim, rude);
});
