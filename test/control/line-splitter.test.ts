import fc from "fast-check";
import { expect, test } from "vitest";
import { LineSplitter } from "../../src/control/line-splitter.ts";

function split(
  bytes: Uint8Array,
  cuts: readonly number[],
  bytesMax: number,
): (string | undefined)[] {
  const splitter = new LineSplitter(bytesMax);
  const lines: (string | undefined)[] = [];
  const take = (line: Uint8Array | undefined): void => {
    lines.push(line && Buffer.from(line).toString("latin1"));
  };
  let from = 0;
  for (const cut of [
    ...cuts.map((at) => Math.min(at, bytes.length)).toSorted((a, b) => a - b),
    bytes.length,
  ]) {
    for (const line of splitter.push(bytes.slice(from, cut))) take(line);
    from = cut;
  }
  for (const line of splitter.end()) take(line);
  return lines;
}

test("lines are the same however the stream is cut, and those over the limit are named and forgotten", () => {
  const byte = fc.constantFrom(10, 65, 66, 13, 195);
  const bytes = fc.array(byte, { maxLength: 60 }).map((values) => Uint8Array.from(values));
  const cuts = fc.array(fc.nat(60), { maxLength: 8 });
  fc.assert(
    fc.property(bytes, cuts, fc.integer({ min: 1, max: 10 }), (input, at, bytesMax) => {
      const expected = Buffer.from(input).toString("latin1").split("\n");
      if (expected.at(-1) === "") expected.pop();
      expect(split(input, at, bytesMax)).toEqual(
        expected.map((line) => (line.length > bytesMax ? undefined : line)),
      );
    }),
    { numRuns: 2_000 },
  );
});

test("a line sent byte by byte costs no more than its bytes", () => {
  const splitter = new LineSplitter(2 ** 20);
  const startedMs = performance.now();
  const one = Uint8Array.of(65);
  for (let index = 0; index < 2 ** 20; index++) expect0(splitter.push(one));
  const [line] = [...splitter.push(Uint8Array.of(10))];
  expect(line).toHaveLength(2 ** 20);
  expect(performance.now() - startedMs).toBeLessThan(10_000);
});

function expect0(lines: Iterable<unknown>): void {
  for (const line of lines) throw new Error(`a line that has not ended: ${String(line)}`);
}
