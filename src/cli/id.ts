import { exitCodes } from "../core/errors.ts";
import { escapeText } from "./terminal/escape.ts";
import type { Run } from "./verb.ts";

export const id: Run = async (call) => {
  const { out } = call;
  const identity = await (await call.client()).identity(call.once);
  if (out.json) {
    await out.document(identity);
    return exitCodes.ok;
  }
  const rows: readonly (readonly [string, string])[] = [
    ["peer", identity.peerId],
    ["name", identity.name],
    ["network", `${identity.network.name} ${identity.network.id}`],
    ["writer", identity.writer],
    ...identity.addresses.map((address) => ["address", address] as const),
  ];
  for (const [title, value] of rows) {
    await out.line(
      out.tty ? `${title.padEnd(9)}${escapeText(value)}` : `${title}\t${escapeText(value)}`,
    );
  }
  return exitCodes.ok;
};
