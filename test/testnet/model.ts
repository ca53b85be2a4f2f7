import type { LiveNode } from "../../testnet/nodes.ts";

type Written = { readonly stamp: string; readonly value: string | undefined };

/** What a namespace must hold after the writes that went through here and were acknowledged: the last of each key. */
export class Model {
  readonly #namespace: string;
  readonly #written = new Map<string, Written>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  put({ client }: LiveNode, key: string, value: string): Promise<void> {
    const bytes = Buffer.from(value);
    return this.#write(key, value, () =>
      client.kvPut(this.#namespace, key, { kind: "text", bytes }),
    );
  }

  remove({ client }: LiveNode, key: string): Promise<void> {
    return this.#write(key, undefined, () => client.kvDelete(this.#namespace, key));
  }

  /** Values by key. */
  content(): Map<string, string> {
    const present = [...this.#written].flatMap(([key, { value }]) =>
      value === undefined ? [] : [[key, value] as const],
    );
    return new Map(present);
  }

  /** Once more if two nodes that are cut from each other wrote in the same millisecond: then neither is the last. */
  async #write(
    key: string,
    value: string | undefined,
    write: () => Promise<{ stamp: string }>,
  ): Promise<void> {
    const before = this.#written.get(key)?.stamp ?? "";
    let { stamp } = await write();
    while (stamp <= before) ({ stamp } = await write());
    this.#written.set(key, { stamp, value });
  }
}
