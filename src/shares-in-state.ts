/**
 * Shares and their holders as keys of the replicated state (docs/formats.md, "Shares"), in a namespace of their own.
 *
 * A name is a `multi` key, so that two who choose one name at once both stay to be seen. What a member says of itself is
 * a register under its own name; one that another member wrote there is not believed.
 */
import type { PeerName } from "./core/ports.ts";
import type { Driver } from "./driver/driver.ts";
import { getMulti, listMulti, multiWrite, type MultiRecord } from "./protocol/state/multi.ts";
import { getRegister, listRegisters, registerEntry } from "./protocol/state/register.ts";
import type { State } from "./protocol/state/state.ts";
import type { Share, ShareState } from "./share/files/ports.ts";
import { decodeShare, encodeShare } from "./share/files/share-record.ts";

export const sharesNamespace = "shares";
const pageItems = 1_000;
/** Some two milliseconds' worth. */
const pageKeys = 128;
const forever = Number.POSITIVE_INFINITY;

export type ShareStateParts = {
  readonly state: State;
  readonly driver: Pick<Driver, "write" | "onChange">;
  readonly self: PeerName;
};

function nameKey(name: string): string {
  return `name/${name}`;
}

function heldKey(root: string, peer: PeerName): string {
  return `held/${root}/${peer}`;
}

export function sharesInState({ state, driver, self }: ShareStateParts): ShareState {
  const namespace = sharesNamespace;
  function* pages(): Generator<readonly Share[]> {
    for (let after: string | undefined; ;) {
      const options = { prefix: nameKey(""), after, limit: pageKeys, keysMax: pageKeys };
      const page = listMulti(state, namespace, options, forever);
      yield page.items.flatMap((record) => [...sharesOf(record)]);
      after = page.next;
      if (after === undefined) return;
    }
  }
  return {
    *list() {
      for (const page of pages()) yield* page;
    },
    pages,
    get: (name) => {
      const record = getMulti(state, namespace, nameKey(name), forever);
      return record === undefined ? [] : [...sharesOf(record)];
    },
    put: async (name, facts, signal) => {
      const value = { kind: "json" as const, bytes: encodeShare(facts) };
      await driver.write(namespace, [multiWrite(state, namespace, nameKey(name), value)], signal);
    },
    remove: async (name, signal) => {
      const write = multiWrite(state, namespace, nameKey(name), undefined);
      await driver.write(namespace, [write], signal);
    },
    holders: (root) => {
      const prefix = heldKey(root, "");
      const peers: PeerName[] = [];
      for (let after: string | undefined; ;) {
        const page = listRegisters(state, namespace, { prefix, after, limit: pageItems }, forever);
        for (const { key, author } of page.items) {
          if (key === heldKey(root, author)) peers.push(author);
        }
        after = page.next;
        if (after === undefined) return peers;
      }
    },
    setHeld: async (root, isHeld) => {
      const key = heldKey(root, self);
      const record = getRegister(state, namespace, key, forever);
      if (isHeld === (record?.author === self)) return;
      const value = { kind: "json" as const, bytes: Buffer.from('{"v":1}') };
      await driver.write(namespace, [registerEntry(key, isHeld ? value : undefined)]);
    },
    onChange: (handler) =>
      driver.onChange((namespaces) => {
        if (namespaces.includes(namespace)) handler();
      }),
  };
}

function* sharesOf({ key, values }: MultiRecord): Generator<Share> {
  for (const { value, author } of values) {
    const facts = decodeShare(value.bytes);
    if (facts !== undefined) yield { ...facts, name: key.slice(nameKey("").length), owner: author };
  }
}
