/**
 * A reference of what a node may show after a history, made from the acknowledged writes alone and sharing nothing
 * with the state's code. An operation that nobody answered may have happened or not; where the history leaves more
 * than one outcome open (writes of one side that may have seen one another), each is allowed.
 *
 *   register  the value of one of the writes that no acknowledged write knew
 *   multi     every value that no other write may have seen; none that an acknowledged write knew
 *   set       an element is there if an addition was seen by no removal; not if removals knew all of its additions
 *   counter   the sum of the increments; an interval if some may not have happened
 *   log, doc  every item or insertion once, a node's own items in the order of their acknowledgement
 *
 * A deletion of a counter, log or document takes what it knew and all that is written without knowing of it.
 */
import type { Content } from "./content.ts";
import { couldSee, type History, type Op } from "./history.ts";

export type Finding = {
  /** `wrong`: neither of the two: a value nobody wrote, an order nobody saw, half of an atomic write. */
  readonly kind: "lost" | "resurrected" | "wrong";
  readonly subject: string;
  readonly what: string;
};

/** A type and a key of it; of a set its name and the element. */
export function subjectOf(type: keyof Content, key: string, element = ""): string {
  return [type, key, element].join("\u0000");
}

export function partsOf(subject: string): { type: keyof Content; key: string; element: string } {
  const [type = "", key = "", element = ""] = subject.split("\u0000");
  return { type: type as keyof Content, key, element };
}

/** `groups` are sets of registers that were only ever written together, in one atomic write. */
export function judge(
  history: History,
  content: Content,
  groups: readonly (readonly string[])[] = [],
): Finding[] {
  return [
    ...history.subjects.flatMap((subject) => judgeSubject(history, subject, content)),
    ...foreign(history, content),
    ...groups.flatMap((keys) => judgeGroup(keys, content)),
  ];
}

function judgeSubject(history: History, subject: string, content: Content): Finding[] {
  const { type, key, element } = partsOf(subject);
  const ops = history.on(subject);
  const found = (kind: Finding["kind"], what: string): Finding => ({ kind, subject, what });
  switch (type) {
    case "register":
      return judgeRegister(ops, content.register.get(key)?.value, found);
    case "multi":
      return judgeMulti(ops, content.multi.get(key) ?? [], found);
    case "set":
      return judgeElement(ops, content.set.get(key)?.has(element) === true, found);
    case "counter":
      return judgeCounter(ops, content.counter.get(key) ?? 0n, found);
    case "log":
      return judgeLog(ops, content.log.get(key) ?? [], found);
    default:
      return judgeItems(ops, wordsOf(content.doc.get(key) ?? ""), found);
  }
}

type Found = (kind: Finding["kind"], what: string) => Finding;

/** Known to an acknowledged write, and so replaced or taken away. */
function overwritten(ops: readonly Op[]): Set<Op> {
  return new Set(ops.flatMap((op) => (op.acked ? [...op.knows] : [])));
}

function judgeRegister(ops: readonly Op[], value: string | undefined, found: Found): Finding[] {
  const gone = overwritten(ops);
  const last = ops.filter((op) => !gone.has(op));
  if (value === undefined) {
    const mayBeAbsent = last.some(({ deletes }) => deletes) || !ops.some(({ acked }) => acked);
    return mayBeAbsent ? [] : [found("lost", "it is not there")];
  }
  const shown = ops.find(({ id, deletes }) => id === value && !deletes);
  if (shown === undefined) return [found("wrong", `nobody wrote ${value}`)];
  if (!gone.has(shown)) return [];
  const deleted = ops.some((op) => op.acked && op.deletes && op.knows.has(shown));
  return [found(deleted ? "resurrected" : "lost", `${value} is there, which was replaced`)];
}

function judgeMulti(ops: readonly Op[], values: readonly string[], found: Found): Finding[] {
  const gone = overwritten(ops);
  const shown = values.map((value) => ops.find(({ id, deletes }) => id === value && !deletes));
  const missing = ops.filter(
    (op) => op.acked && !op.deletes && !shown.includes(op) && !ops.some((o) => couldSee(o, op)),
  );
  const last = ops.filter((op) => !gone.has(op));
  const mayBeAbsent = last.some(({ deletes }) => deletes) || !ops.some(({ acked }) => acked);
  return [
    ...values.flatMap((value, at) => {
      const op = shown[at];
      if (op === undefined) return [found("wrong", `nobody wrote ${value}`)];
      return gone.has(op) ? [found("resurrected", `${value} is back`)] : [];
    }),
    ...missing.map(({ id }) => found("lost", `${id} is not there`)),
    ...(values.length === 0 && !mayBeAbsent && missing.length === 0
      ? [found("lost", "no value is left")]
      : []),
  ];
}

function judgeElement(ops: readonly Op[], there: boolean, found: Found): Finding[] {
  const gone = overwritten(ops);
  const additions = ops.filter(({ deletes }) => !deletes);
  const removals = ops.filter(({ deletes }) => deletes);
  if (there) {
    return additions.some((op) => !gone.has(op)) ? [] : [found("resurrected", "it was removed")];
  }
  const stays = additions.find((op) => op.acked && !removals.some((one) => couldSee(one, op)));
  return stays === undefined ? [] : [found("lost", `added by ${stays.id}, never removed since`)];
}

type Presence = "in" | "out" | "either";

/** Of an increment, item or insertion, given the deletions of its counter, log or document. */
function presenceOf(op: Op, ops: readonly Op[]): Presence {
  const deletions = ops.filter(({ deletes }) => deletes);
  const removal = ops.filter(({ removes }) => removes === op);
  if (deletions.some((one) => isTaken(op, one, deletions))) return "out";
  if (removal.some(({ acked }) => acked)) return "out";
  const isSafe = deletions.every((one) => op.knows.has(one));
  return op.acked && isSafe && removal.length === 0 ? "in" : "either";
}

/** Surely: the deletion knew it, or it knew no deletion that this one did not know as well. */
function isTaken(op: Op, by: Op, deletions: readonly Op[]): boolean {
  if (!by.acked) return false;
  if (by.knows.has(op)) return true;
  return deletions.every((one) => by.knows.has(one) || !couldSee(op, one));
}

function judgeCounter(ops: readonly Op[], value: bigint, found: Found): Finding[] {
  let [least, most] = [0, 0];
  for (const op of ops) {
    if (op.deletes) continue;
    const presence = presenceOf(op, ops);
    if (presence === "in" || (presence === "either" && op.by < 0)) least += op.by;
    if (presence === "in" || (presence === "either" && op.by > 0)) most += op.by;
  }
  const range = least === most ? `${least}` : `${least} to ${most}`;
  if (value < least) return [found("lost", `${value} instead of ${range}`)];
  return value > most ? [found("resurrected", `${value} instead of ${range}`)] : [];
}

function judgeItems(ops: readonly Op[], shown: readonly string[], found: Found): Finding[] {
  const count = new Map<string, number>();
  for (const id of shown) count.set(id, (count.get(id) ?? 0) + 1);
  const items = ops.filter(({ deletes, removes }) => !deletes && removes === undefined);
  const ids = new Set(items.map(({ id }) => id));
  return [
    ...[...count.keys()].flatMap((id) =>
      ids.has(id) ? [] : [found("wrong", `nobody wrote ${id}`)],
    ),
    ...items.flatMap((op) => {
      const times = count.get(op.id) ?? 0;
      const presence = presenceOf(op, ops);
      if (times === 0) return presence === "in" ? [found("lost", `${op.id} is not there`)] : [];
      if (times > 1) return [found("wrong", `${op.id} is there ${times} times`)];
      return presence === "out" ? [found("resurrected", `${op.id} was deleted`)] : [];
    }),
  ];
}

function judgeLog(ops: readonly Op[], shown: readonly string[], found: Found): Finding[] {
  const place = new Map(shown.map((id, at) => [id, at]));
  const last = new Map<number, number>();
  const misplaced: Finding[] = [];
  for (const { node, id, acked } of ops) {
    const at = place.get(id);
    if (at === undefined || !acked) continue;
    if (at < (last.get(node) ?? -1)) misplaced.push(found("wrong", `${id} is out of order`));
    last.set(node, at);
  }
  return [...judgeItems(ops, shown, found), ...misplaced];
}

export function wordsOf(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}

/** What is shown though nobody tried to write it. */
function foreign(history: History, content: Content): Finding[] {
  const shown = [
    ...[...content.register.keys()].map((key) => subjectOf("register", key)),
    ...[...content.multi.keys()].map((key) => subjectOf("multi", key)),
    ...[...content.counter.keys()].map((key) => subjectOf("counter", key)),
    ...[...content.set].flatMap(([name, all]) =>
      [...all].map((one) => subjectOf("set", name, one)),
    ),
    ...[...content.log.keys()].map((key) => subjectOf("log", key)),
    ...[...content.doc.keys()].map((key) => subjectOf("doc", key)),
  ];
  return shown
    .filter((subject) => history.on(subject).length === 0)
    .map((subject) => ({ kind: "wrong", subject, what: "nobody wrote to it" }));
}

/** All of one write; of two writes of one stamp, drawn on two sides of a cut, each key may show another. */
function judgeGroup(keys: readonly string[], { register }: Content): Finding[] {
  const shown = keys.map((key) => register.get(key));
  if (shown.every((one) => one === undefined)) return [];
  const one = shown.find((each) => each !== undefined);
  const together = shown.every((each) => each?.stamp === one?.stamp);
  const what = `half of an atomic write: ${shown.map((each) => each?.value ?? "-").join(", ")}`;
  return together ? [] : [{ kind: "wrong", subject: subjectOf("register", keys[0] ?? ""), what }];
}
