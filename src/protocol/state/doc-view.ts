/**
 * A document as Yjs holds it in memory: updates applied one after the other, and edits made on top. Yjs keeps aside what
 * it cannot apply yet and tries again at every update, at a cost that a hostile writer could raise at will and with a
 * result that depends on more than the order; so what is left over is dropped instead, see doc.ts.
 */
import * as Y from "yjs";
import { CoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { cutsPair, portions, type Splice } from "./doc-splice.ts";
import { decodeDocUpdate, docRoot } from "./doc-update.ts";

/** `refused`: not an update of its writer's own text. `partly`: some of it had nothing to hold on to. */
export type DocOutcome = "applied" | "partly" | "refused";

/** Between edits: Yjs says so on stdout, and draws another id, when somebody else's update has text of its own client. */
const nobody = 0;

const surrogate = /[\ud800-\udfff]/;

export class DocView {
  readonly #doc = new Y.Doc();
  readonly #text = this.#doc.getText(docRoot);
  readonly #updates: Uint8Array[] = [];
  /** Clients some of whose text could not be applied: what they write next would not be either. */
  readonly #broken = new Set<number>();
  /** There are or were characters of two UTF-16 units. */
  #hasPairs = false;

  constructor() {
    this.#doc.clientID = nobody;
    this.#doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "edit") this.#updates.push(update);
    });
  }

  /** UTF-16 units. */
  get length(): number {
    return this.#text.length;
  }

  toString(): string {
    // eslint-disable-next-line typescript/no-base-to-string -- Y.Text has its own
    return this.#text.toString();
  }

  /** The whole document as one update, for a program that holds one of its own. */
  state(): Uint8Array {
    return Y.encodeStateAsUpdate(this.#doc);
  }

  /** Applies updates in this order, each if it is one of its client's own text. */
  apply(
    updates: readonly { readonly client: number; readonly update: Uint8Array }[],
  ): DocOutcome[] {
    return this.#doc.transact(() =>
      updates.map(({ client, update }) => this.#applyOne(client, update)),
    );
  }

  #applyOne(client: number, update: Uint8Array): DocOutcome {
    try {
      const { structs } = decodeDocUpdate(update, client);
      this.#hasPairs ||= structs.some(({ text }) => text !== undefined && surrogate.test(text));
    } catch (error) {
      if (error instanceof CoterieError) return "refused";
      throw error;
    }
    Y.applyUpdate(this.#doc, update);
    const { store } = this.#doc;
    if (store.pendingStructs === null && store.pendingDs === null) return "applied";
    if (store.pendingStructs !== null) this.#broken.add(client);
    store.pendingStructs = null;
    store.pendingDs = null;
    return "partly";
  }

  /**
   * Makes edits under a client id, one after the other; returns them as updates of at most `limits.valueBytesMax`.
   * Throws `BAD_REQUEST` or `TOO_LARGE` before it changes anything, `REFUSED` when this client cannot go on.
   */
  edit(client: number, splices: readonly Splice[]): Uint8Array[] {
    if (this.#broken.has(client)) {
      throw new CoterieError(
        "REFUSED",
        "text that this node's part of the document builds on was withdrawn by its author",
        { hint: "export the document, delete it, and write it again" },
      );
    }
    this.#check(splices);
    this.#doc.clientID = client;
    for (const portion of portions(splices)) {
      this.#doc.transact(() => {
        for (const { at, remove, insert } of portion) {
          if (remove > 0) this.#text.delete(at, remove);
          if (insert !== "") this.#text.insert(at, insert);
        }
      }, "edit");
    }
    this.#doc.clientID = nobody;
    return this.#updates.splice(0);
  }

  /**
   * Takes an update that was made elsewhere under this client id. Throws `BAD_FORMAT` for one that others would refuse,
   * `CONFLICT` when it does not go on where this client's text ends, or hangs on text that is not here.
   */
  adopt(client: number, bytes: Uint8Array): void {
    const { structs, deletes } = decodeDocUpdate(bytes, client);
    const { store } = this.#doc;
    const has = (owner: number, end: number): boolean =>
      end <= Y.getState(store, owner) || owner === client;
    const first = structs[0]?.clock ?? Y.getState(store, client);
    const ids = structs.flatMap(({ origin, rightOrigin }) => [origin, rightOrigin]);
    const fits =
      first === Y.getState(store, client) &&
      ids.every((id) => id === undefined || has(id.client, id.clock + 1)) &&
      [...deletes].every(([owner, ranges]) =>
        ranges.every(({ clock, length }) => has(owner, clock + length)),
      );
    if (!fits) {
      throw new CoterieError(
        "CONFLICT",
        "the update does not build on the document as it is here",
        {
          hint: "take in what has come since, and what this node wrote meanwhile",
        },
      );
    }
    this.#applyOne(client, bytes);
  }

  #check(splices: readonly Splice[]): void {
    this.#hasPairs ||= splices.some(({ insert }) => surrogate.test(insert));
    let { length } = this;
    let text = this.#hasPairs ? this.toString() : undefined;
    for (const { at, remove, insert } of splices) {
      if (at + remove > length) {
        throw badSplice(`reaches to ${at + remove}, and the document ends at ${length}`);
      }
      if (!insert.isWellFormed()) throw badSplice("inserts half of a character");
      if (text !== undefined) {
        if (cutsPair(text, at) || cutsPair(text, at + remove)) throw badSplice("cuts a character");
        text = text.slice(0, at) + insert + text.slice(at + remove);
      }
      length += insert.length - remove;
    }
    if (length > limits.docUnitsMax) {
      throw new CoterieError(
        "TOO_LARGE",
        `a document is at most ${limits.docUnitsMax} UTF-16 units; this one would have ${length}`,
      );
    }
  }
}

function badSplice(why: string): CoterieError {
  return new CoterieError("BAD_REQUEST", `an edit ${why}`, {
    hint: "positions count UTF-16 units from 0, in the document as the edits before left it",
  });
}
