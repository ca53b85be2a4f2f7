/** The shapes of services in the control API. */
import { Type, type Static } from "typebox";
import { limits } from "../core/limits.ts";

const Count = Type.Integer({ minimum: 0 });
const Text = Type.Union([Type.String(), Type.Null()]);
const NullableMs = Type.Union([Type.Number(), Type.Null()]);
const Policy = Type.Union([
  Type.Literal("round-robin"),
  Type.Literal("least-connections"),
  Type.Literal("latency"),
  Type.Literal("hash"),
]);

export const ServiceExpose = Type.Object(
  {
    tcp: Type.Optional(Type.String({ maxLength: 256, description: "such as 127.0.0.1:8080" })),
    unix: Type.Optional(Type.String({ maxLength: 256, description: "path of a socket" })),
    http: Type.Optional(Type.Boolean({ description: "it speaks HTTP" })),
    allow: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 512 }), {
        maxItems: limits.allowRulesMax,
        description: "all, tag:KEY=VALUE, a name or a peer id; nobody without any",
      }),
    ),
    health: Type.Optional(Type.String({ maxLength: 1_100, description: "tcp, or http:/path" })),
    weight: Type.Optional(Type.Integer({ minimum: 1, maximum: limits.serviceWeightMax })),
  },
  { additionalProperties: false },
);
export type ServiceExpose = Static<typeof ServiceExpose>;

export const ServiceForward = Type.Object(
  {
    listen: Type.String({ maxLength: 256, description: "loopback address; port 0 for any" }),
    policy: Type.Optional(Policy),
  },
  { additionalProperties: false },
);
export type ServiceForward = Static<typeof ServiceForward>;

export const ServiceLine = Type.Object({
  name: Type.String(),
  http: Type.Boolean(),
  providers: Count,
  healthy: Count,
  exposed: Type.Boolean(),
  forwards: Type.Array(Type.String()),
  url: Text,
});
export type ServiceLine = Static<typeof ServiceLine>;

export const ServiceList = Type.Object({
  services: Type.Array(ServiceLine),
  gateway: Text,
  faults: Type.Array(Type.String()),
});
export type ServiceList = Static<typeof ServiceList>;

export const ForwardView = Type.Object({
  name: Type.String(),
  listen: Type.String(),
  policy: Policy,
  open: Count,
  fault: Text,
});
export type ForwardView = Static<typeof ForwardView>;

export const ServiceProvider = Type.Object({
  peerId: Type.String(),
  name: Text,
  self: Type.Boolean(),
  http: Type.Boolean(),
  weight: Count,
  up: Type.Boolean({ description: "what it says of itself" }),
  standing: Type.Union([
    Type.Literal("alive"),
    Type.Literal("suspect"),
    Type.Literal("failed"),
    Type.Literal("left"),
  ]),
  ejected: Type.Boolean(),
  open: Count,
  requests: Count,
  failures: Count,
  latencyMs: NullableMs,
  p50Ms: NullableMs,
  p99Ms: NullableMs,
});
export type ServiceProvider = Static<typeof ServiceProvider>;

export const ServiceStatus = Type.Object({
  name: Type.String(),
  url: Text,
  exposed: Type.Union([
    Type.Object({
      target: Type.String(),
      http: Type.Boolean(),
      allow: Type.Array(Type.String()),
      health: Text,
      up: Type.Boolean(),
      weight: Count,
      open: Count,
      tunnels: Count,
      refused: Count,
      bytesIn: Count,
      bytesOut: Count,
    }),
    Type.Null(),
  ]),
  forwards: Type.Array(ForwardView),
  /** Counts and times are those of this node's own requests. */
  providers: Type.Array(ServiceProvider),
});
export type ServiceStatus = Static<typeof ServiceStatus>;

export const ServicesSummary = Type.Object({
  exposed: Count,
  forwards: Count,
  open: Count,
  gateway: Text,
  faults: Type.Array(Type.String()),
});
export type ServicesSummary = Static<typeof ServicesSummary>;
