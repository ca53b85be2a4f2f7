/**
 * Injected faults of links: every connection's reading goes through a `ShapedConnection`, which gets the shape of the
 * link to its peer as soon as the handshake has said who that is. Only for daemons started with `--enable-faults`.
 */
import type { MultiaddrConnection, Upgrader } from "@libp2p/interface";
import { tcp } from "@libp2p/tcp";
import type { PeerName } from "../../core/ports.ts";
import type { LinkShape } from "./net-types.ts";
import {
  ShapedConnection,
  type RawConnection,
  type Shapeable,
  type ShapedParts,
} from "./shaped-connection.ts";

type Entry = { readonly shaped: ShapedConnection; peer: PeerName | undefined };

export class Shaper {
  readonly #parts: ShapedParts;
  readonly #connections = new Map<object, Entry>();
  #shapes: ReadonlyMap<PeerName, LinkShape> = new Map();

  constructor(parts: ShapedParts) {
    this.#parts = parts;
  }

  /** Shapes exactly the links from these peers to us. */
  set(shapes: ReadonlyMap<PeerName, LinkShape>): void {
    this.#shapes = shapes;
    for (const entry of this.#connections.values()) this.#shape(entry);
  }

  adopt(connection: Shapeable): void {
    const shaped = new ShapedConnection(connection, this.#parts);
    this.#connections.set(connection, { shaped, peer: undefined });
    connection.addEventListener("close", () => this.#connections.delete(connection));
  }

  /** The handshake has told whose connection it is. */
  identified(connection: object, peer: PeerName): void {
    const entry = this.#connections.get(connection);
    if (entry === undefined) return;
    entry.peer = peer;
    this.#shape(entry);
  }

  #shape({ shaped, peer }: Entry): void {
    shaped.setShape(peer === undefined ? undefined : this.#shapes.get(peer));
  }
}

/** TCP whose connections the shaper has adopted before anything is read from them. */
export function shapedTcp(shaper: Shaper): ReturnType<typeof tcp> {
  const makeTransport = tcp();
  return (components) => {
    const transport = makeTransport(components);
    const dial = transport.dial.bind(transport);
    const createListener = transport.createListener.bind(transport);
    transport.dial = (address, options) =>
      dial(address, { ...options, upgrader: adopting(options.upgrader, shaper) });
    transport.createListener = (options) =>
      createListener({ ...options, upgrader: adopting(options.upgrader, shaper) });
    return transport;
  };
}

function adopting(upgrader: Upgrader, shaper: Shaper): Upgrader {
  const adopt = <Method extends "upgradeInbound" | "upgradeOutbound">(method: Method) =>
    ((connection: MultiaddrConnection, options: never) => {
      shaper.adopt(connection as RawConnection);
      return upgrader[method](connection, options);
    }) as Upgrader[Method];
  return {
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters(),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    upgradeInbound: adopt("upgradeInbound"),
    upgradeOutbound: adopt("upgradeOutbound"),
  };
}
