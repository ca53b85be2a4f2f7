/** What must hold once everything healed. */
import { toHex } from "../../src/core/codec.ts";
import { decodeUtf8 } from "../../src/core/codec.ts";
import { getCounter } from "../../src/protocol/state/counter.ts";
import { itemsOf, logSubject } from "../../src/protocol/state/log.ts";
import { getRegister, registerSubject } from "../../src/protocol/state/register.ts";
import { StateReplica } from "../../src/protocol/state/replica.ts";
import { endBound, startBound } from "../../src/protocol/state/rows.ts";
import { getMember } from "../../src/protocol/state/set.ts";
import type { State } from "../../src/protocol/state/state.ts";
import type { Model } from "./model.ts";
import type { Operation, OperationKind } from "./plan.ts";
import { entriesOf, subjectName, type Written } from "./recorded-state.ts";
import { beats } from "./reference-order.ts";
import type { Process, SimNode } from "./sim-node.ts";
import { liveHashes, type Watcher } from "./watcher.ts";
import {
  amountOf,
  elementOf,
  itemsPerCompaction,
  namespaceOf,
  readDoc,
  setName,
  textOf,
  tokenOf,
} from "./workload.ts";

export type Checked = {
  readonly node: SimNode;
  readonly process: Process;
  readonly watcher: Watcher;
};
type Report = (what: string) => void;

/** All nodes are up and connected; `trusted` is false when hostile members may have written over honest keys. */
export function checkAll(nodes: readonly Checked[], model: Model, trusted: boolean): void {
  const report: Report = (what) => model.violation(what);
  const [first, ...rest] = nodes.map((checked) => ({ checked, live: liveSetOf(checked, report) }));
  if (first === undefined) return;
  for (const other of rest) checkEqual(first, other, report);
  for (const { checked, live } of [first, ...rest]) checkWatch(checked, live, report);
  const { state, clock } = first.checked.process;
  checkOrder(first.live, model, report);
  checkRegisters(state, clock.wallMs(), model, report);
  if (!trusted) return;
  checkCounters(state, model, report);
  checkSets(state, clock.wallMs(), model, report);
  checkLogs(state, model, report);
  checkDocs(
    nodes.map(({ process }) => process.state),
    model,
    report,
  );
}

type LiveSet = ReadonlyMap<string, Written>;

/** By leaf hash, made anew from the bytes that the node would send. */
function liveSetOf({ node, process }: Checked, report: Report): LiveSet {
  const live = new Map<string, Written>();
  const { state } = process;
  const replica = new StateReplica(state, (error) => report(`${node.name}: ${error.message}`));
  for (const name of replica.namespaces()) {
    const before = live.size;
    const { bundles } = replica.stream(name, startBound, endBound, 2 ** 30);
    for (const entry of bundles.flatMap(entriesOf)) live.set(entry.hash, entry);
    const { count } = state.summary(name);
    if (live.size - before !== count) {
      report(`${node.name} counts ${count} entries in ${name} and has ${live.size - before}`);
    }
    const items = replica.items(name, startBound, endBound, count + 1);
    for (const { id } of items) {
      if (!live.has(toHex(id))) report(`${node.name} lists an entry that it does not have`);
    }
  }
  return live;
}

type WithLive = { readonly checked: Checked; readonly live: LiveSet };

function checkEqual(one: WithLive, other: WithLive, report: Report): void {
  const differ = (a: LiveSet, b: LiveSet): Written[] =>
    [...a.values()].filter(({ hash }) => !b.has(hash));
  for (const { subject } of [...differ(one.live, other.live), ...differ(other.live, one.live)]) {
    const [a, b] = [one.checked.node.name, other.checked.node.name];
    report(`${a} and ${b} differ in ${subjectName(subject)}`);
  }
}

/** A reader by cursor has seen the last state of every key. */
function checkWatch({ node, process, watcher }: Checked, live: LiveSet, report: Report): void {
  watcher.finish(process.state);
  const subjects = new Map(
    [...live.values()].map(({ subject }) => [subjectName(subject), subject]),
  );
  for (const [name, subject] of subjects) {
    if (watcher.seen.get(name) === liveHashes(process.state, subject)) continue;
    report(`a watcher of ${node.name} missed the last change of ${name}`);
  }
}

/** Every acknowledged entry lives or was superseded by what lives, and nothing lives that one of them supersedes. */
function checkOrder(live: LiveSet, model: Model, report: Report): void {
  const bySubject = Map.groupBy(live.values(), ({ subject }) => subjectName(subject));
  for (const entry of model.acknowledged.values()) {
    const name = subjectName(entry.subject);
    const others = bySubject.get(name) ?? [];
    if (!live.has(entry.hash) && !others.some((other) => beats(other, entry))) {
      report(`lost: an acknowledged write of ${name}`);
    }
    for (const other of others) {
      if (beats(entry, other)) report(`resurrected: ${name}`);
    }
  }
}

function checkRegisters(state: State, wallMs: number, model: Model, report: Report): void {
  const writes: readonly OperationKind[] = ["put", "large", "atomic", "expire"];
  const values = new Map<string, Operation>();
  for (const kind of writes) {
    for (const operation of model.operations(kind)) values.set(textOf(operation), operation);
  }
  for (const { subject, entry } of model.acknowledged.values()) {
    const isOurs = subject.type === "register" && /^[re]/.test(subject.key);
    if (!isOurs || subject.namespace === "sys") continue;
    const [row] = state.live(registerSubject(subject.namespace, subject.key));
    const record = getRegister(state, subject.namespace, subject.key, wallMs);
    const source = row && model.written.get(toHex(row.hash));
    if (source === undefined) continue; // a hostile member wrote it
    const { body, expires } = source.entry;
    const hides = body === undefined || (expires !== undefined && Number(expires) <= wallMs);
    const name = subjectName(subject);
    if (hides !== (record === undefined)) report(`${name} is ${hides ? "not " : ""}hidden`);
    if (record === undefined) continue;
    const operation = values.get(decodeUtf8(record.value.bytes).trimEnd());
    const isRight = operation !== undefined && subject.key.slice(1) === `${operation.key}`;
    if (!isRight || entry.key !== record.key) report(`${name} has a value that was not written`);
  }
}

/** Keys of those kinds that none of these others touched. */
function* untouched(
  model: Model,
  kinds: readonly OperationKind[],
  others: readonly OperationKind[],
): Generator<{ sample: Operation; sure: Operation[]; unsure: Operation[] }> {
  const all = kinds.flatMap((kind) => model.operations(kind));
  const spoilt = new Set(others.flatMap((kind) => model.operations(kind)).map(({ key }) => key));
  const sure = new Set(kinds.flatMap((kind) => model.operations(kind, "acknowledged")));
  for (const [key, operations] of Map.groupBy(all, (operation) => operation.key)) {
    if (spoilt.has(key)) continue;
    yield {
      sample: operations[0]!,
      sure: operations.filter((operation) => sure.has(operation)),
      unsure: operations.filter((operation) => !sure.has(operation)),
    };
  }
}

function checkCounters(state: State, model: Model, report: Report): void {
  for (const { sample, sure, unsure } of untouched(model, ["count", "atomic"], ["uncount"])) {
    const value = getCounter(state, namespaceOf(sample), `c${sample.key}`)?.value ?? 0n;
    let sums = new Set([sure.reduce((sum, operation) => sum + amountOf(operation), 0n)]);
    for (const operation of unsure) {
      sums = new Set([...sums, ...[...sums].map((sum) => sum + amountOf(operation))]);
    }
    if (!sums.has(value)) {
      report(
        `counter c${sample.key} is ${value}, and cannot be other than ${[...sums].join(" or ")}`,
      );
    }
  }
}

function checkSets(state: State, wallMs: number, model: Model, report: Report): void {
  for (const { sample, sure } of untouched(model, ["add", "atomic"], ["remove"])) {
    if (sure.length === 0) continue;
    const element = elementOf(sample);
    const member = getMember(state, namespaceOf(sample), setName, element, wallMs);
    if (member === undefined) report(`${element} was added, and is not in the set`);
  }
}

function checkLogs(state: State, model: Model, report: Report): void {
  for (const { sample, sure, unsure } of untouched(
    model,
    ["append", "atomic", "compact"],
    ["log delete"],
  )) {
    const rows = [...state.live(logSubject(namespaceOf(sample), `l${sample.key}`))];
    const items = rows.flatMap((row) =>
      itemsOf(row).map(({ body }) => decodeUtf8(body.subarray(1))),
    );
    for (const text of sure.flatMap(itemTexts)) {
      const count = items.filter((item) => item === text).length;
      if (count !== 1) report(`log l${sample.key} has ${text} ${count} times`);
    }
    const known = new Set([...sure, ...unsure].flatMap(itemTexts));
    for (const item of items) {
      if (!known.has(item)) report(`log l${sample.key} has ${item}, which nobody wrote`);
    }
  }
}

function itemTexts(operation: Operation): string[] {
  if (operation.kind !== "compact") return [textOf(operation)];
  return Array.from({ length: itemsPerCompaction }, (_, index) => `${textOf(operation)}.${index}`);
}

function checkDocs(states: readonly State[], model: Model, report: Report): void {
  for (const { sample, sure } of untouched(model, ["edit"], ["doc delete"])) {
    const texts = states.map((state) =>
      readDoc(state, namespaceOf(sample), `d${sample.key}`).view.toString(),
    );
    if (new Set(texts).size > 1) report(`document d${sample.key} differs`);
    for (const operation of sure) {
      const count = texts[0]!.split(tokenOf(operation)).length - 1;
      if (count !== 1) report(`document d${sample.key} has ${tokenOf(operation)} ${count} times`);
    }
  }
}
