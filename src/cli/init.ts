import { exitCodes } from "../core/errors.ts";
import { printNodeInfo } from "./node-info.ts";
import type { Run } from "./verb.ts";

export const init: Run = async (call) => {
  const name = call.values.text("name");
  const networkName = call.values.text("network");
  const { initNode } = await call.loaders.offline();
  const info = await initNode({
    dataDir: await call.dataDir(),
    ...(name === undefined ? {} : { name }),
    ...(networkName === undefined ? {} : { networkName }),
  });
  await printNodeInfo(call, "made", info);
  return exitCodes.ok;
};
