/** Every verb of the command line, in the order in which help shows them. */
import { backupVerbs } from "./table/backup.ts";
import { counterVerbs } from "./table/counter.ts";
import { daemonVerbs } from "./table/daemon.ts";
import { docVerbs } from "./table/doc.ts";
import { eventVerbs } from "./table/event.ts";
import { explainVerbs } from "./table/explain.ts";
import { kvVerbs } from "./table/kv.ts";
import { logVerbs } from "./table/log.ts";
import { networkVerbs } from "./table/network.ts";
import { serviceVerbs } from "./table/service.ts";
import { setVerbs } from "./table/set.ts";
import { shareVerbs } from "./table/share.ts";
import { configVerbs, shellVerbs } from "./table/shell.ts";
import type { Verb } from "./verb.ts";

export const groups: readonly { readonly title: string; readonly verbs: readonly Verb[] }[] = [
  { title: "The daemon", verbs: [...daemonVerbs, ...backupVerbs] },
  { title: "The network", verbs: networkVerbs },
  {
    title: "Shared state",
    verbs: [...kvVerbs, ...counterVerbs, ...setVerbs, ...logVerbs, ...explainVerbs],
  },
  { title: "Documents", verbs: docVerbs },
  { title: "Services", verbs: serviceVerbs },
  { title: "Shared files", verbs: shareVerbs },
  { title: "Messages", verbs: eventVerbs },
  { title: "Settings", verbs: configVerbs },
  { title: "More", verbs: shellVerbs },
];

export const verbs: readonly Verb[] = groups.flatMap((group) => group.verbs);

/** First words, in order, each once. */
export const nouns: readonly string[] = [...new Set(verbs.map((verb) => verb.path[0]))];

/** The verbs of a first word: one of one word, or several of two. */
export function verbsOf(noun: string): readonly Verb[] {
  return verbs.filter((verb) => verb.path[0] === noun);
}
