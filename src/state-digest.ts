/** Digests of the state as `status` shows them: equal digests mean equal live sets. */
import { toHex, Writer } from "./core/codec.ts";
import { sha256, tag } from "./core/identity.ts";
import type { State } from "./protocol/state/state.ts";

const digestTag = tag("coterie/digest");

export type StateDigest = {
  readonly entries: number;
  readonly digest: string;
  readonly namespaces: {
    readonly name: string;
    readonly entries: number;
    readonly digest: string;
  }[];
};

export function stateDigest(state: State): StateDigest {
  const all = new Writer().bytes(digestTag);
  let entries = 0;
  const namespaces = state.namespaces().map((name) => {
    const sum = state.summary(name);
    const digest = sha256(sum.encode());
    entries += sum.count;
    all.varint(name.length).text(name).bytes(digest);
    return { name, entries: sum.count, digest: toHex(digest) };
  });
  return { entries, digest: toHex(sha256(all.finish())), namespaces };
}
