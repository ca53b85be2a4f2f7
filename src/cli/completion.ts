import { exitCodes } from "../core/errors.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { zshScript } from "./completion/zsh.ts";
import { verbs } from "./table.ts";
import type { Run } from "./verb.ts";

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;

export const completion: Run = async (call) => {
  const shell = call.arg(0) as keyof typeof scripts;
  const script = scripts[shell](verbs);
  if (call.out.json) await call.out.document({ shell, script });
  else await call.out.write(script);
  return exitCodes.ok;
};
