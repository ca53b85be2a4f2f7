import { exitCodes } from "../../src/core/errors.ts";
import { formatCut } from "../cut.ts";
import { formatLink } from "../link.ts";
import { readRecord } from "../record.ts";
import { printTable, reportNodes } from "../report.ts";
import type { Call } from "../verb.ts";

export async function status({ dir: folder, out }: Call): Promise<number> {
  const { dir, record } = readRecord(folder);
  const { phase, partition, oneWay, links, netns } = record;
  const net = netns === undefined ? "loopback" : "netns";
  const nodes = await reportNodes(record);
  if (out.json) {
    await out.document({ dir, phase, net, partition, oneWay, links, nodes });
    return exitCodes.ok;
  }
  await printTable(out, nodes);
  out.note(netns === undefined ? "net: loopback" : `net: netns, cut by ${netns.cutBy}`);
  if (phase === "starting") out.note("it is still coming up, or its start was cut short");
  const cut = formatCut(record);
  if (cut !== "") out.note(`cut: ${cut}`);
  for (const each of links) out.note(`link ${formatLink(each)}`);
  for (const { name, error } of nodes) if (error !== null) out.note(`${name}: ${error}`);
  return exitCodes.ok;
}
