/**
 * Inbound connections that have not finished their handshake, counted by host, so that one stranger's host cannot
 * hold all the pending upgrades there are.
 */
import type { MultiaddrConnection } from "@libp2p/interface";
import { limits } from "../../core/limits.ts";
import { bareAddress, ipOf } from "./addresses.ts";

export class PendingUpgrades {
  readonly #hosts = new Map<string, Set<MultiaddrConnection>>();

  /** False when the host has too many already. */
  admit(connection: MultiaddrConnection): boolean {
    const host = hostOf(connection);
    const pending = this.#hosts.get(host) ?? new Set();
    if (pending.size >= limits.pendingUpgradesPerHostMax) return false;
    pending.add(connection);
    this.#hosts.set(host, pending);
    connection.addEventListener("close", () => this.settle(connection), { once: true });
    return true;
  }

  /** The handshake is over, or the connection is. */
  settle(connection: MultiaddrConnection): void {
    const host = hostOf(connection);
    const pending = this.#hosts.get(host);
    pending?.delete(connection);
    if (pending?.size === 0) this.#hosts.delete(host);
  }
}

function hostOf(connection: MultiaddrConnection): string {
  return ipOf(bareAddress(connection.remoteAddr) ?? "");
}
