import type { SetMember } from "../control/schema.ts";
import { CoterieError, exitCodes } from "../core/errors.ts";
import type { Call } from "./call.ts";
import { namespaceOf } from "./kv.ts";
import { pages, printListing } from "./kv-list.ts";
import { escapeText } from "./terminal/escape.ts";
import { humanAgo, isoTime, plural, shortPeer } from "./terminal/human.ts";
import type { Column } from "./terminal/list.ts";
import type { Run } from "./verb.ts";

async function change(call: Call, what: "add" | "remove"): Promise<number> {
  const [name = "", ...elements] = call.args;
  const client = await call.client();
  const result = await client.setChange(namespaceOf(call), name, { [what]: elements }, call.once);
  if (call.out.json) await call.out.document(result);
  else {
    const done = what === "add" ? "added" : "removed";
    call.out.aside(`${done} ${plural(elements.length, "element")} of ${escapeText(name)}`);
  }
  return exitCodes.ok;
}

export const add: Run = (call) => change(call, "add");
export const rm: Run = (call) => change(call, "remove");

/** Exit code 1 when it is not, so that a shell can ask. */
export const has: Run = async (call) => {
  const { out } = call;
  const client = await call.client();
  const [name, element] = [call.arg(0), call.arg(1)];
  try {
    const member = await client.setGet(namespaceOf(call), name, element, call.once);
    if (out.json) await out.document(member);
    else out.aside("yes");
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof CoterieError) || error.code !== "NOT_FOUND" || out.json) throw error;
    out.aside("no");
    return exitCodes.error;
  }
};

function columns(now: number): readonly Column<SetMember>[] {
  return [
    { title: "ELEMENT", plain: (item) => item.element, widthMax: 60 },
    {
      title: "ADDED",
      plain: (item) => isoTime(item.writtenAt),
      human: (item) => humanAgo(item.writtenAt, now),
    },
    { title: "BY", plain: (item) => item.author, human: (item) => shortPeer(item.author) },
  ];
}

export const ls: Run = async (call) => {
  const client = await call.client();
  const namespace = namespaceOf(call);
  const name = call.args[0];
  if (name === undefined) {
    const listing = pages(call, (query) => client.setNames(namespace, query, call.once));
    return printListing(call, listing, (set) => set, [{ title: "SET", plain: (set) => set }]);
  }
  const listing = pages(call, (query) => client.setMembers(namespace, name, query, call.once));
  return printListing(call, listing, ({ element }) => element, columns(Date.now()));
};
