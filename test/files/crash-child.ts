/**
 * Adds, gives up and collects as fast as it can, and says what it was told is safe: `hold SEED` once a root is held on
 * disk, `release SEED` before it is given up. To be killed at any moment.
 */
import { blockOf, bytesOf, KiB, leaf, node, openBlocks } from "./fixture.ts";

const [folder = "", from = "0"] = process.argv.slice(2);
const quotaBytes = 24 * 1024 * KiB;
const { blocks } = await openBlocks(folder, { packBytes: 512 * KiB, quotaBytes: () => quotaBytes });
const held = Array.from(blocks.roots(), ({ cid }) => ({ seed: 0, cid }));
console.log("open");

for (let seed = Number(from); ; seed++) {
  const session = blocks.session();
  // some large, many small, one that all share
  const below = [
    blockOf(0x55, bytesOf(1, 5 * KiB)),
    ...Array.from({ length: 40 }, (_, index) => leaf(seed * 100 + index, 20 * index + 1)),
    leaf(seed * 100 + 99, 300 * KiB),
  ];
  const inner = node(below.slice(0, 20));
  const root = node([inner, ...below]);
  await blocks.putMany(below);
  await blocks.putMany([inner, root]);
  await blocks.hold(root.cid, "pinned", { whole: true });
  console.log(`hold ${seed} ${root.cid.toString()}`);
  session.end();
  held.push({ seed, cid: root.cid });
  while (held.length > 12) {
    const [old] = held.splice((seed * 7) % held.length, 1);
    console.log(`release ${old!.seed} ${old!.cid.toString()}`);
    blocks.release(old!.cid, "pinned");
  }
  if (seed % 10 === 9) await blocks.collect(new AbortController().signal);
}
