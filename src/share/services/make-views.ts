/** Puts together what is shown of services. */
import { CoterieError } from "../../core/errors.ts";
import type { PeerName } from "../../core/ports.ts";
import { ruleText } from "./allow.ts";
import type { Connector } from "./connector.ts";
import type { Directory, ProviderEntry } from "./directory.ts";
import { endpointText, targetText } from "./endpoint.ts";
import type { Forwarder } from "./forwarder.ts";
import { healthText } from "./health-check.ts";
import type { Members } from "./ports.ts";
import type { Provider } from "./provider.ts";
import type { Exposure } from "./record.ts";
import type { ExposedView, ForwardView, ProviderView, ServiceLine, ServiceView } from "./views.ts";

export type ViewsParts = {
  readonly self: PeerName;
  readonly members: Members;
  readonly directory: Directory;
  readonly provider: Provider;
  readonly connector: Connector;
  readonly exposures: ReadonlyMap<string, Exposure>;
  readonly forwarders: ReadonlyMap<string, Forwarder>;
  /** Through the gateway, if there is one. */
  readonly url: (name: string) => string | null;
};

export class Views {
  readonly #parts: ViewsParts;

  constructor(parts: ViewsParts) {
    this.#parts = parts;
  }

  /** Names that somebody provides or this node uses, in order. */
  lines(): ServiceLine[] {
    const { directory, exposures, forwarders } = this.#parts;
    const forwarded = [...forwarders.values()].map(({ forward }) => forward.name);
    const names = new Set([...directory.names(), ...exposures.keys(), ...forwarded]);
    return [...names]
      .toSorted()
      .map((name) => this.#line(name))
      .filter(
        ({ providers, exposed, forwards }) => providers > 0 || exposed || forwards.length > 0,
      );
  }

  /** Throws `NOT_FOUND` for other names. */
  service(name: string): ServiceView {
    const { directory, url } = this.#parts;
    const entries = directory.providers(name);
    const [exposed, forwards] = [this.#exposed(name), this.#forwards(name)];
    if (entries.length === 0 && exposed === null && forwards.length === 0) {
      throw new CoterieError("NOT_FOUND", `nobody provides ${JSON.stringify(name)}`, {
        hint: "services are listed by: coterie service ls",
      });
    }
    return {
      name,
      url: entries.some(({ http }) => http) ? url(name) : null,
      exposed,
      forwards,
      providers: entries.map((entry) => this.#provider(name, entry)),
    };
  }

  #line(name: string): ServiceLine {
    const { directory, exposures, url } = this.#parts;
    const providers = directory.providers(name);
    const http = providers.some((provider) => provider.http);
    return {
      name,
      http,
      providers: providers.length,
      healthy: providers.filter(({ up, standing }) => up && standing === "alive").length,
      exposed: exposures.has(name),
      forwards: this.#forwards(name).map(({ listen }) => listen),
      url: http ? url(name) : null,
    };
  }

  #provider(service: string, { peer, standing, http, weight, up }: ProviderEntry): ProviderView {
    const { connector, members, self } = this.#parts;
    const load = connector.view(service, peer);
    return {
      peerId: peer,
      name: members.nameOf(peer) ?? null,
      self: peer === self,
      http,
      weight,
      up,
      standing,
      ejected: load?.ejected ?? false,
      open: load?.open ?? 0,
      requests: load?.requests ?? 0,
      failures: load?.failures ?? 0,
      latencyMs: load?.latencyMs ?? null,
      p50Ms: load?.p50Ms ?? null,
      p99Ms: load?.p99Ms ?? null,
    };
  }

  #exposed(name: string): ExposedView | null {
    const { exposures, provider } = this.#parts;
    const [exposure, counts] = [exposures.get(name), provider.counts(name)];
    if (exposure === undefined || counts === undefined) return null;
    const { target, http, allow, health, weight } = exposure;
    return {
      target: targetText(target),
      http,
      allow: allow.map(ruleText),
      health: health === undefined ? null : healthText(health),
      up: provider.isUp(name),
      weight,
      ...counts,
    };
  }

  #forwards(name: string): ForwardView[] {
    const all = [...this.#parts.forwarders.values()];
    return all.filter(({ forward }) => forward.name === name).map(forwardView);
  }
}

export function forwardView({ forward, open, fault }: Forwarder): ForwardView {
  const { name, listen, policy } = forward;
  return { name, listen: endpointText(listen), policy, open, fault: fault ?? null };
}
