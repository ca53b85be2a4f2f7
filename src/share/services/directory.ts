/** Who provides which service: what members say in the shared state, and what this node knows of them. */
import { limits } from "../../core/limits.ts";
import type { PeerName } from "../../core/ports.ts";
import type { Members, Notices, Standing } from "./ports.ts";
import { parseNotice, type Notice } from "./notice.ts";
import { isServiceName } from "./service-name.ts";

export type ProviderEntry = Notice & { readonly peer: PeerName; readonly standing: Standing };

export class Directory {
  readonly #notices: Notices;
  readonly #members: Members;
  readonly #listeners = new Set<() => void>();
  #services = new Map<string, Map<PeerName, Notice>>();

  constructor(notices: Notices, members: Members) {
    this.#notices = notices;
    this.#members = members;
    notices.onChange(() => this.#read());
    members.onChange(() => this.#tell());
    this.#read();
  }

  /** Calls back after each change of what services there are, or of their members. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  names(): string[] {
    return [...this.#services.keys()].toSorted();
  }

  /** By peer id. Members that left or are barred provide nothing. */
  providers(name: string): ProviderEntry[] {
    const entries = [...(this.#services.get(name) ?? [])].flatMap(([peer, notice]) => {
      const standing = this.#members.standingOf(peer);
      if (standing === "left" || this.#members.isBarred(peer)) return [];
      return [{ ...notice, peer, standing }];
    });
    return entries
      .toSorted((a, b) => (a.peer < b.peer ? -1 : 1))
      .slice(0, limits.serviceProvidersMax);
  }

  /** What this node has said itself. */
  own(): ReadonlyMap<string, Notice> {
    const mine = new Map<string, Notice>();
    for (const [name, providers] of this.#services) {
      const notice = providers.get(this.#members.self);
      if (notice !== undefined) mine.set(name, notice);
    }
    return mine;
  }

  #read(): void {
    const services = new Map<string, Map<PeerName, Notice>>();
    for (const { peer, service, text } of this.#notices.list()) {
      const notice = isServiceName(service) ? parseNotice(text) : undefined;
      if (notice === undefined) continue;
      const providers = services.get(service) ?? new Map<PeerName, Notice>();
      services.set(service, providers.set(peer, notice));
    }
    this.#services = services;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
