import type { Run } from "./verb.ts";

export const testnet: Run = async (call) => {
  const { main } = await call.loaders.testnet();
  return main([...call.args], call.io);
};
