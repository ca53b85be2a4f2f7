/**
 * What this node exposes and forwards, as it is kept in `services.json` and nowhere else: targets and lists of who is
 * allowed are nobody else's business.
 */
import { badFormat } from "../../core/codec.ts";
import { limits } from "../../core/limits.ts";
import { parseRule, ruleText, type AllowRule } from "./allow.ts";
import { policies, type Policy } from "./balancer/policy.ts";
import { endpointText, parseEndpoint, type Target, type TcpEndpoint } from "./endpoint.ts";
import { healthText, parseHealth, type HealthCheck } from "./health-check.ts";
import { isServiceName } from "./service-name.ts";

export type Exposure = {
  readonly name: string;
  readonly target: Target;
  readonly http: boolean;
  readonly allow: readonly AllowRule[];
  readonly health: HealthCheck | undefined;
  readonly weight: number;
};

export type Forward = {
  readonly name: string;
  readonly listen: TcpEndpoint;
  readonly policy: Policy;
};

export type LocalRecord = {
  readonly exposures: readonly Exposure[];
  readonly forwards: readonly Forward[];
};

export const emptyRecord: LocalRecord = { exposures: [], forwards: [] };

export function formatRecord({ exposures, forwards }: LocalRecord): string {
  const record = {
    version: 1,
    exposures: exposures.map(({ name, target, http, allow, health, weight }) => ({
      name,
      ...(target.kind === "tcp" ? { tcp: endpointText(target) } : { unix: target.path }),
      http,
      allow: allow.map(ruleText),
      ...(health === undefined ? {} : { health: healthText(health) }),
      weight,
    })),
    forwards: forwards.map(({ name, listen, policy }) => ({
      name,
      listen: endpointText(listen),
      policy,
    })),
  };
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** Throws `BAD_FORMAT`: of a list that cannot be read nothing is guessed. */
export function parseRecord(text: string): LocalRecord {
  const { version, exposures, forwards } = fields(parseJson(text));
  if (version !== 1) badFormat("its version is not 1");
  return {
    exposures: list(exposures, limits.servicesPerNodeMax).map(exposureOf),
    forwards: list(forwards, limits.forwardsMax).map(forwardOf),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return badFormat("it is not JSON");
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  return badFormat("it has something that is not an object");
}

function list(value: unknown, max: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= max) return value;
  return badFormat("it has no list where one is wanted, or too long a one");
}

function exposureOf(value: unknown): Exposure {
  const { name, tcp, unix, http, allow, health, weight } = fields(value);
  const check = typeof health === "string" ? parseHealth(health) : undefined;
  if (health !== undefined && check === undefined) badFormat("it has a health check of no kind");
  if (!isWeight(weight)) badFormat("it has a weight out of bounds");
  return {
    name: nameIn(name),
    target: targetOf(tcp, unix),
    http: http === true,
    allow: list(allow, limits.allowRulesMax).map(ruleIn),
    health: check,
    weight,
  };
}

function ruleIn(text: unknown): AllowRule {
  const rule = typeof text === "string" ? parseRule(text) : undefined;
  return rule ?? badFormat("it has a rule of no kind");
}

function targetOf(tcp: unknown, unix: unknown): Target {
  if (typeof unix === "string") return { kind: "unix", path: unix };
  return { kind: "tcp", ...endpointIn(tcp) };
}

function forwardOf(value: unknown): Forward {
  const { name, listen, policy } = fields(value);
  const known = policies.find((one) => one === policy);
  return {
    name: nameIn(name),
    listen: endpointIn(listen),
    policy: known ?? badFormat("it has a policy of no kind"),
  };
}

function endpointIn(value: unknown): TcpEndpoint {
  const endpoint = typeof value === "string" ? parseEndpoint(value) : undefined;
  return endpoint ?? badFormat("it has something that is not an address");
}

function nameIn(value: unknown): string {
  if (typeof value === "string" && isServiceName(value)) return value;
  return badFormat("it has a name that no service can have");
}

export function isWeight(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= limits.serviceWeightMax;
}
