import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { partyText, waitForAgreement, type Agreement } from "../agreement.ts";
import { commandFor, openTestnet } from "../folder.ts";
import { interruptible } from "../interruptible.ts";
import { liveNodes } from "../nodes.ts";
import { durationOf, type Call } from "../verb.ts";

const timeoutDefaultMs = 30_000;

export async function converge(call: Call): Promise<number> {
  const timeoutMs = durationOf(call, "timeout", timeoutDefaultMs);
  const { record } = openTestnet(call);
  const nodes = liveNodes(record.nodes);
  if (nodes.length === 0) {
    throw new CoterieError("NOT_RUNNING", "no node of this testnet is running", {
      hint: `start them with: ${commandFor(call, `start 0-${record.nodes.length - 1}`)}`,
    });
  }
  return interruptible(async (signal) => {
    const agreement = await waitForAgreement(nodes, { timeoutMs, signal });
    if (!agreement.equal) throw disagreement(agreement, timeoutMs);
    await report(call, agreement);
    return exitCodes.ok;
  });
}

async function report(call: Call, { parties, tookMs }: Agreement): Promise<void> {
  const [party] = parties;
  if (party === undefined) return;
  const { nodes, entries, digest } = party;
  const ms = Math.round(tookMs);
  if (call.out.json) {
    await call.out.document({ tookMs: ms, nodes, entries, digest });
    return;
  }
  const who = `${nodes.length} nodes agree after ${ms} ms`;
  await call.out.line(`${who}: ${entries} entries, digest ${digest?.slice(0, 16)}`);
}

function disagreement({ parties }: Agreement, timeoutMs: number): CoterieError {
  const message = `no agreement within ${timeoutMs / 1_000} s: ${parties.map(partyText).join("; ")}`;
  return new CoterieError("TIMEOUT", message, { hint: "is the network cut? see: testnet status" });
}
