import { expect, onTestFinished, test } from "vitest";
import { chain, connectedAll, insideOf, testNetwork, until } from "./fixture.ts";

test("a stream opened on a connection that dies at that moment ends alone", async () => {
  const nodes = await chain(2, testNetwork("dying"));
  await until("they are connected", () => connectedAll(nodes));
  const [connection] = insideOf(nodes[0]!).getConnections();
  const uncaught: unknown[] = [];
  const hear = (error: unknown): void => void uncaught.push(error);
  process.on("uncaughtException", hear);
  onTestFinished(() => void process.off("uncaughtException", hear));
  // what a reset by the peer does, between two events of ours
  const below = (connection as unknown as { maConn: { writeStatus: string } }).maConn;
  below.writeStatus = "closed";
  await expect(
    connection!.newStream("/ipfs/ping/1.0.0", { signal: AbortSignal.timeout(500) }),
  ).rejects.toThrow();
  connection!.abort(new Error("reset"));
  await until("they are connected again", () => connectedAll(nodes));
  expect(uncaught).toEqual([]);
});

test("small frames are not each answered by a window update, and a long stream does not stand still", async () => {
  const nodes = await chain(2, testNetwork("window"));
  await until("they are connected", () => connectedAll(nodes));
  const [here, there] = nodes.map(insideOf);
  let received = 0;
  await there!.handle("/test/sink/1.0.0", (stream) => {
    stream.addEventListener("message", ({ data }) => (received += data.byteLength));
  });
  const [connection] = here!.getConnections();
  const stream = await connection!.newStream("/test/sink/1.0.0");
  // what yamux calls when an update has come
  const inside = stream as unknown as { handleWindowUpdate(frame: unknown): void };
  const handle = inside.handleWindowUpdate.bind(stream);
  let updates = 0;
  inside.handleWindowUpdate = (frame) => {
    updates++;
    handle(frame);
  };
  for (let count = 0; count < 1_000; count++) stream.send(new Uint8Array(100));
  await until("the small ones came", () => received === 100_000);
  expect(updates).toBeLessThan(5);
  const large = new Uint8Array(64 * 1_024);
  for (let count = 0; count < 200; count++) {
    if (!stream.send(large)) await stream.onDrain();
  }
  await until("all came", () => received === 100_000 + 200 * large.length);
  expect(updates).toBeGreaterThan(5);
});
