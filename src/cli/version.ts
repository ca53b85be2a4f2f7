import { exitCodes } from "../core/errors.ts";
import type { Run } from "./verb.ts";

export const version: Run = async ({ out, loaders }) => {
  const facts = {
    version: loaders.version(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
  if (out.json) await out.document(facts);
  else await out.line(`coterie ${facts.version} (Node ${facts.node}, ${facts.platform})`);
  return exitCodes.ok;
};
