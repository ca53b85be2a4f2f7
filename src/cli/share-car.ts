import { CoterieError, exitCodes } from "../core/errors.ts";
import { chunksToFile } from "./chunks-to-file.ts";
import { inputChunks } from "./read-input.ts";
import { follow } from "./share.ts";
import { humanBytes } from "./terminal/human.ts";
import type { Run } from "./verb.ts";

export const exportCar: Run = async (call) => {
  const { out } = call;
  const file = call.arg(1);
  const chunks = (await call.client()).fileCar(call.arg(0), call.stream);
  if (file !== "-") {
    const bytes = await chunksToFile(call, chunks, file);
    if (out.json) await out.document({ file, bytes });
    else await out.line(`${humanBytes(bytes)} written to ${file}`);
    return exitCodes.ok;
  }
  if (out.json || out.tty) {
    throw new CoterieError("USAGE", "a CAR file is bytes", { hint: "name a file, or use a pipe" });
  }
  for await (const chunk of chunks) await out.write(chunk);
  return exitCodes.ok;
};

export const importCar: Run = async (call) => {
  const chunks = inputChunks(call.arg(0), call.io.stdin);
  const { roots } = await follow(call, (await call.client()).blocksImport(chunks, call.stream));
  if (call.out.json) await call.out.document({ roots });
  else for (const root of roots) await call.out.line(root);
  return exitCodes.ok;
};
