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
