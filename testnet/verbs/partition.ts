import { exitCodes } from "../../src/core/errors.ts";
import { formatCut, parseCut } from "../cut.ts";
import { changeFaults } from "../faults.ts";
import { openTestnet } from "../folder.ts";
import type { Call } from "../verb.ts";

export async function partition(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const cut = parseCut(call.args, record.nodes.length);
  await changeFaults(dir, () => cut);
  if (call.out.json) await call.out.document(cut);
  else await call.out.line(`cut: ${formatCut(cut)}`);
  return exitCodes.ok;
}

export async function heal(call: Call): Promise<number> {
  const { dir } = openTestnet(call);
  const cut = { partition: null, oneWay: [] };
  await changeFaults(dir, () => cut);
  if (call.out.json) await call.out.document(cut);
  else await call.out.line("healed: nobody is cut from anybody");
  return exitCodes.ok;
}
