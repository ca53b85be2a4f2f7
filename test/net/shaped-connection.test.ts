import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../src/core/codec.ts";
import { limits } from "../../src/core/limits.ts";
import type { LinkShape } from "../../src/host/net/net-types.ts";
import { ShapedConnection, type RawConnection } from "../../src/host/net/shaped-connection.ts";
import { seededRandom } from "../seeded-random.ts";
import { virtualClock } from "./fixture.ts";

type Chunk = { readonly atMs: number; readonly data: Uint8Array };

function shaped(seed = 1) {
  const clock = virtualClock();
  const arrived: Chunk[] = [];
  const seen = { flowing: true, ended: false, aborted: false };
  const raw = Object.assign(new EventTarget(), {
    onData: (data: Uint8Array) => void arrived.push({ atMs: clock.monotonicMs(), data }),
    onTransportClosed: () => void (seen.ended = true),
    sendPause: () => void (seen.flowing = false),
    sendResume: () => void (seen.flowing = true),
    abort: () => {
      seen.aborted = true;
      raw.dispatchEvent(new Event("close"));
    },
  });
  const connection = raw as unknown as RawConnection;
  const shape = new ShapedConnection(connection, { clock, random: seededRandom(seed) });
  return { clock, arrived, seen, connection, shape };
}

const bytes = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);

test("latency delays what is read, and the rate spreads it", async () => {
  const { clock, arrived, connection, shape } = shaped();
  shape.setShape({ latencyMs: 50, bitsPerSecond: 1e6 });
  connection.onData(bytes(12_500)); // 100 ms of this line
  await clock.pass(50);
  expect(arrived).toEqual([]);
  await clock.pass(200);
  expect(arrived[0]!.atMs).toBeGreaterThan(50);
  expect(arrived[0]!.atMs).toBeLessThan(100);
  expect(arrived.at(-1)!.atMs).toBeCloseTo(150);
});

test("jitter changes delays within its bounds, and overtakes nothing", async () => {
  const { clock, arrived, connection, shape } = shaped();
  shape.setShape({ latencyMs: 50, jitterMs: 10 });
  for (let index = 0; index < 40; index++) {
    connection.onData(bytes(1, index));
    await clock.pass(100);
  }
  const delays = arrived.map(({ atMs }, index) => atMs - index * 100);
  expect(Math.min(...delays)).toBeGreaterThanOrEqual(40);
  expect(Math.max(...delays)).toBeLessThanOrEqual(60);
  expect(new Set(delays).size).toBeGreaterThan(20);
  expect(arrived.map(({ data }) => data[0])).toEqual([...arrived.keys()]);
});

test("a stalled link stays open, moves nothing, and gives everything when it is cleared", async () => {
  const { clock, arrived, seen, connection, shape } = shaped();
  shape.setShape({ stall: true });
  expect(seen.flowing).toBe(false);
  connection.onData(bytes(3));
  connection.onTransportClosed();
  await clock.pass(600_000);
  expect(arrived).toEqual([]);
  expect(seen.ended).toBe(false);
  shape.setShape(undefined);
  expect(concatBytes(...arrived.map(({ data }) => data))).toEqual(bytes(3));
  expect(seen).toMatchObject({ flowing: true, ended: true });
});

test("a reader that pauses gets nothing until it resumes, and then all in order", async () => {
  const { clock, arrived, connection, shape } = shaped();
  shape.setShape({ latencyMs: 10 });
  connection.onData(bytes(1, 1));
  connection.sendPause();
  await clock.pass(100);
  shape.setShape(undefined);
  connection.onData(bytes(1, 2));
  expect(arrived).toEqual([]);
  connection.sendResume();
  expect(arrived.map(({ data }) => data[0])).toEqual([1, 2]);
});

test("what waits is bounded: beyond it the socket is not read", async () => {
  const { clock, seen, connection, shape } = shaped();
  shape.setShape({ latencyMs: 1_000 });
  connection.onData(bytes(limits.linkBufferBytesMax - 1));
  expect(seen.flowing).toBe(true);
  connection.onData(bytes(1));
  expect(seen.flowing).toBe(false);
  await clock.pass(1_000);
  expect(seen.flowing).toBe(true);
});

test("a connection is reset with its probability in each second", async () => {
  const resets: number[] = [];
  for (let seed = 1; seed <= 200; seed++) {
    const { clock, seen, shape } = shaped(seed);
    shape.setShape({ resetPerSecond: 0.1 });
    for (let second = 1; second <= 100 && !seen.aborted; second++) {
      await clock.pass(1_000);
      if (seen.aborted) resets.push(second);
    }
  }
  expect(resets).toHaveLength(200);
  const mean = resets.reduce((sum, second) => sum + second, 0) / resets.length;
  expect(mean).toBeGreaterThan(8);
  expect(mean).toBeLessThan(12);
});

test("whatever happens on the link and whenever the reader pauses, all bytes arrive once and in order", async () => {
  const shapes = fc.record<LinkShape>(
    {
      latencyMs: fc.nat(100),
      jitterMs: fc.nat(200),
      bitsPerSecond: fc.integer({ min: 10_000, max: 1e7 }),
      stall: fc.boolean(),
    },
    { requiredKeys: [] },
  );
  const step = fc.oneof(
    fc.record({ read: fc.integer({ min: 1, max: 20_000 }) }),
    fc.record({ pass: fc.nat(100) }),
    fc.record({ shape: fc.option(shapes, { nil: undefined }) }),
    fc.record({ paused: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { clock, arrived, seen, connection, shape } = shaped();
      const sent: Uint8Array[] = [];
      for (const each of steps) {
        if ("read" in each) {
          const data = bytes(each.read, sent.length);
          sent.push(data);
          connection.onData(data);
        } else if ("pass" in each) await clock.pass(each.pass);
        else if ("shape" in each) shape.setShape(each.shape);
        else if (each.paused) connection.sendPause();
        else connection.sendResume();
      }
      connection.sendResume();
      shape.setShape(undefined);
      const whole = concatBytes(...arrived.map(({ data }) => data));
      expect(Buffer.from(whole).equals(concatBytes(...sent))).toBe(true);
      expect(seen.flowing).toBe(true);
    }),
  );
});
