/**
 * Services of this node and of others: what it exposes, forwards and asks for, kept over restarts in `services.json`. The
 * parts: `directory` knows who provides what, `provider` lets tunnels in, `connector` opens them, forwards and the gateway
 * are the local doors. Nothing here can keep the daemon from starting: what does not work is said in `faults`.
 */
import { CoterieError, toCoterieError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { Announcer } from "./announcer.ts";
import { resolveRule } from "./allow.ts";
import { policies, type Policy } from "./balancer/policy.ts";
import { Connector } from "./connector.ts";
import { Directory } from "./directory.ts";
import {
  checkEndpoint,
  checkUnixPath,
  endpointText,
  parseEndpoint,
  type Target,
  type TcpEndpoint,
} from "./endpoint.ts";
import { Forwarder } from "./forwarder.ts";
import { Gateway } from "./gateway/gateway.ts";
import { checkHealthText } from "./health-check.ts";
import type { Notice } from "./notice.ts";
import type { ServicesParts, TunnelChannel } from "./ports.ts";
import { Provider } from "./provider.ts";
import {
  emptyRecord,
  formatRecord,
  isWeight,
  parseRecord,
  type Exposure,
  type Forward,
  type LocalRecord,
} from "./record.ts";
import { checkServiceName } from "./service-name.ts";
import { forwardView, Views } from "./make-views.ts";
import type {
  ExposeRequest,
  ForwardView,
  ServicesSummary,
  ServicesView,
  ServiceView,
} from "./views.ts";

export type GatewayOptions = {
  /** `off`, or a loopback address and port. */
  readonly listen: string;
  readonly answerMs: () => number;
};

export class Services {
  readonly #parts: ServicesParts;
  readonly #directory: Directory;
  readonly #provider: Provider;
  readonly #connector: Connector;
  readonly #announcer: Announcer;
  readonly #gateway: Gateway | undefined;
  readonly #gatewayAt: TcpEndpoint | undefined;
  readonly #views: Views;
  readonly #forwarders = new Map<string, Forwarder>();
  readonly #exposures = new Map<string, Exposure>();
  #fileFault: string | undefined;
  #gatewayFault: string | undefined;
  #cancelRetry: (() => void) | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor(parts: ServicesParts, gateway: GatewayOptions) {
    this.#parts = parts;
    const { members, notices, transport } = parts;
    const self = members.self;
    this.#directory = new Directory(notices, members);
    const turned = (): void => this.#announcer.settleSoon();
    this.#provider = new Provider({ ...parts, turned });
    const directory = this.#directory;
    const serve = (channel: TunnelChannel): void => void this.#provider.serve(channel);
    this.#connector = new Connector({ ...parts, self, directory, serve });
    this.#announcer = new Announcer({ ...parts, directory, wanted: () => this.#wanted() });
    this.#gatewayAt = gateway.listen === "off" ? undefined : parseEndpoint(gateway.listen);
    if (this.#gatewayAt !== undefined) {
      const { answerMs } = gateway;
      this.#gateway = new Gateway({
        ...parts,
        self,
        directory,
        connector: this.#connector,
        answerMs,
      });
    }
    this.#views = new Views({
      self,
      members,
      directory,
      provider: this.#provider,
      connector: this.#connector,
      exposures: this.#exposures,
      forwarders: this.#forwarders,
      url: (name) => this.#url(name),
    });
    transport.on(serve);
  }

  /** Never rejects. */
  async start(): Promise<void> {
    const record = await this.#load();
    for (const exposure of record.exposures) {
      this.#exposures.set(exposure.name, exposure);
      this.#provider.expose(exposure);
    }
    for (const forward of record.forwards) {
      const forwarder = this.#forwarder(forward);
      this.#forwarders.set(endpointText(forward.listen), forwarder);
      await forwarder.listenEventually();
    }
    // a file that cannot be read says nothing of what is exposed, so nothing is taken back either
    if (this.#fileFault === undefined) this.#announcer.settleSoon();
    await this.#startGateway();
  }

  /** Lets nobody in any more, gives what is open a second to end, and cuts the rest. */
  async stop(): Promise<void> {
    this.#cancelRetry?.();
    this.#announcer.stop();
    this.#gateway?.close();
    for (const forwarder of this.#forwarders.values()) forwarder.close();
    await Promise.all([this.#provider.stop(), this.#localDoorsIdle()]);
    this.#gateway?.dropAll();
    for (const forwarder of this.#forwarders.values()) forwarder.dropAll();
    await this.#saving;
  }

  /** All of a service's terms; what is not given has its default. Nobody is allowed unless said so. */
  async expose(name: string, request: ExposeRequest): Promise<ServiceView> {
    const exposure = this.#exposureOf(checkServiceName(name), request);
    if (!this.#exposures.has(name) && this.#exposures.size >= limits.servicesPerNodeMax) {
      throw new CoterieError("OVERLOADED", `a node exposes ${limits.servicesPerNodeMax} services`);
    }
    await this.#keep(() => this.#exposures.set(name, exposure));
    this.#provider.expose(exposure);
    await this.#announcer.settle();
    return this.status(name);
  }

  /** Takes a service back: nobody new is let in, and what is open has `drainMs` to end. */
  async withdraw(name: string, drainMs: number = limits.drainMs): Promise<void> {
    if (!this.#exposures.has(name)) {
      throw new CoterieError("NOT_FOUND", `this node does not expose ${JSON.stringify(name)}`);
    }
    const ended = this.#provider.withdraw(name, Math.min(drainMs, limits.drainMsMax));
    await this.#keep(() => this.#exposures.delete(name));
    await this.#announcer.settle();
    await ended;
  }

  /** A local port that leads to a service. Rejects `CONFLICT` when the port is taken. */
  async forward(
    name: string,
    { listen, policy }: { readonly listen: string; readonly policy?: Policy },
  ): Promise<ForwardView> {
    checkServiceName(name);
    const endpoint = checkEndpoint(listen, "a forward", 0);
    const wanted = endpointText(endpoint);
    if (this.#forwarders.size >= limits.forwardsMax) {
      throw new CoterieError("OVERLOADED", `a node has ${limits.forwardsMax} forwards`);
    }
    const known = this.#forwarders.get(wanted);
    if (known !== undefined && known.forward.name !== name) {
      throw new CoterieError("CONFLICT", `${wanted} leads to ${known.forward.name} already`);
    }
    if (known !== undefined) await this.unforward(name, wanted);
    const forwarder = this.#forwarder({ name, listen: endpoint, policy: policy ?? policies[0] });
    await forwarder.listen();
    await this.#keep(() => this.#forwarders.set(endpointText(forwarder.forward.listen), forwarder));
    return forwardView(forwarder);
  }

  /** Takes away the forward at an address, or all of a service; with its connections. */
  async unforward(name: string, listen?: string): Promise<void> {
    const wanted =
      listen === undefined ? undefined : endpointText(checkEndpoint(listen, "a forward"));
    const gone = [...this.#forwarders].filter(([at, { forward }]) => {
      return forward.name === name && (wanted === undefined || at === wanted);
    });
    if (gone.length === 0) {
      throw new CoterieError("NOT_FOUND", `no such forward to ${JSON.stringify(name)}`);
    }
    for (const [at, forwarder] of gone) {
      forwarder.close();
      forwarder.dropAll();
      this.#forwarders.delete(at);
    }
    await this.#keep(() => undefined);
  }

  list(): ServicesView {
    const { gateway, faults } = this.summary();
    return { services: this.#views.lines(), gateway, faults };
  }

  /** Throws `NOT_FOUND` for a name that nobody provides and this node does not use. */
  status(name: string): ServiceView {
    return this.#views.service(name);
  }

  summary(): ServicesSummary {
    const port = this.#gateway?.port;
    const gateway =
      this.#gatewayAt === undefined || port === undefined
        ? null
        : endpointText({ host: this.#gatewayAt.host, port });
    const forwardFaults = [...this.#forwarders.values()].flatMap(({ fault }) => fault ?? []);
    const others = [this.#fileFault, this.#gatewayFault].flatMap((fault) => fault ?? []);
    return {
      exposed: this.#exposures.size,
      forwards: this.#forwarders.size,
      open: this.#provider.open,
      gateway,
      faults: [...others, ...forwardFaults],
    };
  }

  #exposureOf(name: string, request: ExposeRequest): Exposure {
    const { tcp, unix, http = false, allow = [], health, weight = 1 } = request;
    if (!isWeight(weight)) {
      throw new CoterieError("BAD_REQUEST", `a weight is 1 to ${limits.serviceWeightMax}`);
    }
    if (allow.length > limits.allowRulesMax) {
      throw new CoterieError("BAD_REQUEST", `a service has at most ${limits.allowRulesMax} rules`);
    }
    return {
      name,
      target: targetOf(tcp, unix),
      http,
      allow: allow.map((text) => resolveRule(text, this.#parts.members)),
      health: health === undefined ? undefined : checkHealthText(health),
      weight,
    };
  }

  async #load(): Promise<LocalRecord> {
    try {
      const text = await this.#parts.file.read();
      return text === undefined ? emptyRecord : parseRecord(text);
    } catch (error) {
      this.#fileFault = `services.json cannot be used: ${toCoterieError(error).message}`;
      this.#parts.log.error("nothing is exposed or forwarded", { reason: this.#fileFault });
      return emptyRecord;
    }
  }

  /** Makes a change and writes it down; one after the other. What cannot be written is said, and holds until a restart. */
  async #keep(change: () => unknown): Promise<void> {
    if (this.#fileFault !== undefined) {
      throw new CoterieError("BAD_DATA_DIR", this.#fileFault, {
        hint: "mend or remove the file, and start the daemon again",
      });
    }
    change();
    const forwards = [...this.#forwarders.values()].map(({ forward }) => forward);
    const text = formatRecord({ exposures: [...this.#exposures.values()], forwards });
    const saved = this.#saving.then(() => this.#parts.file.write(text));
    this.#saving = saved.catch(() => undefined); // whoever asked hears of it
    await saved;
  }

  #wanted(): Map<string, Notice> {
    const notices = [...this.#exposures.values()].map(({ name, http, weight }) => {
      return [name, { http, weight, up: this.#provider.isUp(name) }] as const;
    });
    return new Map(notices);
  }

  #forwarder(forward: Forward): Forwarder {
    const { members } = this.#parts;
    return new Forwarder(forward, {
      ...this.#parts,
      self: members.self,
      connector: this.#connector,
    });
  }

  async #startGateway(): Promise<void> {
    const [gateway, at] = [this.#gateway, this.#gatewayAt];
    if (gateway === undefined || at === undefined) return;
    try {
      await gateway.listen(at);
      this.#gatewayFault = undefined;
    } catch (error) {
      const fault = `the gateway cannot listen at ${endpointText(at)}: ${toCoterieError(error).message}`;
      if (this.#gatewayFault === undefined) this.#parts.log.warn(fault);
      this.#gatewayFault = fault;
      const { clock } = this.#parts;
      this.#cancelRetry = clock.after(limits.forwardRetryMs, () => void this.#startGateway());
    }
  }

  /** Connections of local programs end with their tunnels; those to other providers are waited for. */
  async #localDoorsIdle(): Promise<void> {
    const { clock } = this.#parts;
    const untilMs = clock.monotonicMs() + limits.drainStopMs;
    const isOpen = (): boolean => {
      return (
        (this.#gateway?.running ?? 0) > 0 ||
        [...this.#forwarders.values()].some(({ open }) => open > 0)
      );
    };
    while (isOpen() && clock.monotonicMs() < untilMs) await clock.sleep(20);
  }

  #url(name: string): string | null {
    const port = this.#gateway?.port;
    return port === undefined ? null : `http://${name}.localhost:${port}/`;
  }
}

function targetOf(tcp: string | undefined, unix: string | undefined): Target {
  if ((tcp === undefined) === (unix === undefined)) {
    throw new CoterieError("BAD_REQUEST", "a service has either a TCP or a unix target");
  }
  if (unix !== undefined) return { kind: "unix", path: checkUnixPath(unix) };
  return { kind: "tcp", ...checkEndpoint(tcp ?? "", "the target of a service") };
}
