/**
 * Type `set` (class `context`): one key an element. An element is in the set if any live entry of it has a body, so of
 * an addition and a removal that did not know of one another the addition wins. (An OR-set: Shapiro et al., 2011, section
 * 3.3.5.) The body is empty. A key is the set's name, U+001F, the element; keys of another form are in no set.
 */
import { authorBytes, peerNameOf } from "../../core/ids.ts";
import type { PeerName } from "../../core/ports.ts";
import { contextIntent } from "./context.ts";
import { classes, decodeEntry } from "./entry.ts";
import type { Intent } from "./intent.ts";
import { liveKeys } from "./live-keys.ts";
import { listKeys, type Page, type PageOptions } from "./listing.ts";
import type { LiveRow } from "./live-rows.ts";
import type { Subject } from "./rows.ts";
import type { State } from "./state.ts";
import { laterThan } from "./supersede.ts";

export const setType = "set";

const separator = "\u001f";

/** `author` and `stamp` are those of the latest addition. */
export type SetMember = {
  readonly element: string;
  readonly author: PeerName;
  readonly stamp: bigint;
};

/** The name of a set has no U+001F and an element is not empty, or the key would name something else. */
export function setKey(name: string, element: string): string {
  return `${name}${separator}${element}`;
}

export function setKeyFault(name: string, element: string): string | undefined {
  if (name.includes(separator)) return "the name of a set cannot contain U+001F";
  return element === "" ? "an element cannot be empty" : undefined;
}

/** The set and element that a key names, if any. */
export function setKeyParts(key: string): { name: string; element: string } | undefined {
  const at = key.indexOf(separator);
  if (at <= 0 || at === key.length - 1) return undefined;
  return { name: key.slice(0, at), element: key.slice(at + 1) };
}

function setSubject(namespace: string, key: string): Subject {
  return { namespace, class: classes.context, type: setType, key };
}

/** Always writes, also what is in the set, so that it wins over a removal elsewhere. */
export function setAdd(state: State, namespace: string, name: string, element: string): Intent {
  return setWrite(state, namespace, setKey(name, element), new Uint8Array(0));
}

/** Removes what is seen here of the element. */
export function setRemove(state: State, namespace: string, name: string, element: string): Intent {
  return setWrite(state, namespace, setKey(name, element), undefined);
}

function setWrite(state: State, namespace: string, key: string, body?: Uint8Array): Intent {
  return contextIntent(setType, key, body, state.live(setSubject(namespace, key)));
}

export function getMember(
  state: State,
  namespace: string,
  name: string,
  element: string,
  wallMs: number,
): SetMember | undefined {
  const key = setKey(name, element);
  return readMember(key, state.live(setSubject(namespace, key)), wallMs);
}

/** Elements in order; `prefix` and `after` are of elements. */
export function listMembers(
  state: State,
  namespace: string,
  name: string,
  { prefix, after, limit }: PageOptions,
  wallMs: number,
): Page<SetMember> {
  const space = { namespace, class: classes.context, type: setType };
  const options = {
    prefix: setKey(name, prefix),
    after: after === undefined ? undefined : setKey(name, after),
    limit,
  };
  const page = listKeys(state, space, options, (key, live) => readMember(key, live, wallMs));
  const next = page.next === undefined ? undefined : page.next.slice(name.length + 1);
  return { items: page.items, next };
}

/** Element keys looked at for one page of names at most: a set of which all is removed still has them. */
const keysPerPageMax = 1_000;

/** Names of sets that have an element, in the order of their keys. `after` is what `next` was, or a name. */
export function listSets(
  state: State,
  namespace: string,
  { prefix, after, limit }: PageOptions,
  wallMs: number,
): Page<string> {
  const space = { namespace, class: classes.context, type: setType };
  const items: string[] = [];
  let next = after;
  for (let keys = 0; ; keys++) {
    const [key] = liveKeys(state.store, space, { prefix, after: next && beyond(next) });
    if (key === undefined) return { items, next: undefined };
    if (items.length >= limit || keys >= keysPerPageMax) return { items, next };
    const name = setKeyParts(key)?.name;
    const member = readMember(key, state.live(setSubject(namespace, key)), wallMs);
    const isSet = name !== undefined && member !== undefined;
    if (isSet && name.startsWith(prefix)) items.push(name);
    next = isSet ? name : key;
  }
}

/** Of a name, what sorts after its elements and before all else that does; of a key, the key. */
function beyond(next: string): string {
  return next.includes(separator) ? next : `${next} `;
}

export function readMember(
  key: string,
  live: Iterable<LiveRow>,
  wallMs: number,
): SetMember | undefined {
  const element = setKeyParts(key)?.element;
  let latest: LiveRow | undefined;
  for (const row of live) {
    const { body, expires } = decodeEntry(row.encoded);
    if (body === undefined || (expires !== undefined && Number(expires) <= wallMs)) continue;
    if (latest === undefined || laterThan(row.place, latest.place)) latest = row;
  }
  if (latest === undefined || element === undefined) return undefined;
  const { writer, stamp } = latest.place;
  return { element, author: peerNameOf(writer.subarray(0, authorBytes)), stamp };
}
