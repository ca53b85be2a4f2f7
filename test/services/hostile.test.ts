/** Members that do not keep to the rules, at the door of a provider. */
import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { parseNotice } from "../../src/share/services/notice.ts";
import type { TunnelChannel } from "../../src/share/services/ports.ts";
import { channelPair } from "../../src/share/services/channel-pair.ts";
import { encodeRequest } from "../../src/share/services/tunnel-frames.ts";
import { until } from "../daemon/daemon-process.ts";
import { Village } from "../memory-services.ts";
import { echo, node, tcpProgram } from "./fixture.ts";

/** A provider whose service `echo` is open to all, and its door. */
async function provider() {
  const village = new Village();
  const program = await tcpProgram(echo);
  const services = await node(village, 0);
  await services.expose("echo", { tcp: program.address, allow: ["all"] });
  const knock = (): TunnelChannel => {
    const [near, far] = channelPair(village.peer(1));
    village.member(village.peer(0)).take?.(far);
    return near;
  };
  return { program, services, knock };
}

/** All that comes back, and how it ends. */
async function answerTo(channel: TunnelChannel): Promise<{ bytes: number[]; lost: boolean }> {
  const bytes: number[] = [];
  try {
    for await (const chunk of channel.chunks) bytes.push(...chunk);
    return { bytes, lost: false };
  } catch {
    return { bytes, lost: true };
  }
}

const name = (...bytes: number[]): Uint8Array => Uint8Array.of(1, bytes.length, ...bytes);

test.each([
  ["of another version", Uint8Array.of(2, 4, 101, 99, 104, 111)],
  ["without a name", Uint8Array.of(1, 0)],
  ["with too long a name", Uint8Array.of(1, 255)],
  ["with a name that is not UTF-8", name(0xff, 0xfe)],
  ["with a path for a name", name(...Buffer.from("../echo"))],
  ["with capital letters", name(...Buffer.from("ECHO"))],
])("a first frame %s ends the tunnel, and no target hears of it", async (_what, frame) => {
  const { knock, program, services } = await provider();
  const channel = knock();
  await channel.write(frame);
  expect(await answerTo(channel)).toEqual({ bytes: [], lost: true });
  expect(program.seen.connections).toBe(0);
  await until("it is let go", () => services.summary().open === 0);
});

test("a first frame may come byte by byte, and what follows it is the target's", async () => {
  const { knock } = await provider();
  const channel = knock();
  for (const byte of [...encodeRequest("echo"), 7, 8]) await channel.write(Uint8Array.of(byte));
  await channel.end();
  expect(await answerTo(channel)).toEqual({ bytes: [1, 0, 7, 8], lost: false });
});

test("a service that is not there is refused with a code of its own", async () => {
  const { knock } = await provider();
  const channel = knock();
  await channel.write(encodeRequest("other"));
  expect(await answerTo(channel)).toEqual({ bytes: [1, 1], lost: false });
});

test("one member cannot hold more tunnels than its share, and gets them back", async () => {
  const { knock, services, program } = await provider();
  const held = Array.from({ length: limits.tunnelStreamsPerPeerMax }, knock);
  const over = knock();
  await over.write(encodeRequest("echo")).catch(() => undefined); // it is cut at once
  expect((await answerTo(over)).lost).toBe(true);
  expect(services.summary().open).toBe(limits.tunnelStreamsPerPeerMax);
  for (const channel of held) channel.abort(new Error("done"));
  await until("all are let go", () => services.summary().open === 0);
  const channel = knock();
  await channel.write(encodeRequest("echo"));
  await channel.end();
  expect((await answerTo(channel)).bytes).toEqual([1, 0]);
  expect(program.seen.connections).toBe(1);
});

test("what members say of services is read with care", () => {
  expect(parseNotice("{")).toBeUndefined();
  expect(parseNotice("null")).toBeUndefined();
  expect(parseNotice('{"weight":1e99,"http":"yes","up":0,"more":1}')).toEqual({
    weight: 1,
    http: false,
    up: true,
  });
});
