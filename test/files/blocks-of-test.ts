import { onTestFinished } from "vitest";
import { temporaryFolder } from "../temporary-folder.ts";
import { closeBlocks, openBlocks, type Opened, type OpenOptions } from "./fixture.ts";

/** A block store in a folder of its own, closed at the end of the test. */
export async function blocksOfTest(
  options: OpenOptions = {},
): Promise<Opened & { readonly folder: string }> {
  const folder = temporaryFolder();
  const opened = await openBlocks(folder, options);
  onTestFinished(() => closeBlocks(opened));
  return { ...opened, folder };
}
