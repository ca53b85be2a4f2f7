/** What `init` and `join` say of the node they made. */
import { escapeText } from "./terminal/escape.ts";
import type { Call } from "./call.ts";
import type { NodeInfo } from "./loaders.ts";

export async function printNodeInfo(call: Call, did: string, info: NodeInfo): Promise<void> {
  const { out } = call;
  if (out.json) {
    await out.document(info);
    return;
  }
  await out.line(`${did} network ${escapeText(info.network.name)} as ${escapeText(info.name)}`);
  await out.line(`  peer     ${info.peerId}`);
  await out.line(`  network  ${info.network.id}`);
  await out.line(`  data     ${escapeText(info.dataDir)}`);
  await out.line(`Next: ${call.command("up")}`);
}
