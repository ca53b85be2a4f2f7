import { CoterieError, exitCodes } from "../../src/core/errors.ts";
import { changeFaults } from "../faults.ts";
import { openTestnet } from "../folder.ts";
import { formatLink, parseDirections, shapeOf, withShape } from "../link.ts";
import { readRecord } from "../record.ts";
import type { Call } from "../verb.ts";

/** What an earlier call made of the same link is forgotten; `--clear` alone clears all links. */
export async function link(call: Call): Promise<number> {
  const { dir, record } = openTestnet(call);
  const clear = call.values["clear"] === true;
  if (call.args.length === 0) {
    if (!clear)
      throw new CoterieError("USAGE", "which link? such as: link 0 1, or --clear for all");
    await changeFaults(dir, () => ({ links: [] }));
  } else {
    const directions = parseDirections(call.args, record.nodes.length);
    const shape = clear ? undefined : shapeOf(call);
    await changeFaults(dir, ({ links }) => ({ links: withShape(links, directions, shape) }));
  }
  const { links } = readRecord(dir).record;
  if (call.out.json) await call.out.document({ links });
  else
    await call.out.line(
      links.length === 0 ? "no link is shaped" : links.map(formatLink).join("\n"),
    );
  return exitCodes.ok;
}
