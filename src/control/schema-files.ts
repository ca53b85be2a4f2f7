/** The shapes of the control API for shared files. */
import { Type, type Static, type TSchema } from "typebox";

const Count = Type.Integer({ minimum: 0 });

/** `root` is a CID. Bytes are those of all blocks, counted as often as they are linked. */
export const Share = Type.Object({
  name: Type.String(),
  root: Type.String(),
  kind: Type.Union([Type.Literal("file"), Type.Literal("folder")]),
  bytes: Count,
  copiesMin: Count,
  copiesMax: Count,
  owner: Type.String({ description: "peer id" }),
});
export type Share = Static<typeof Share>;

export const ShareView = Type.Object({
  ...Share.properties,
  holders: Type.Array(Type.String(), { description: "peer ids, each by its own word" }),
  isHere: Type.Boolean(),
  isContested: Type.Boolean({ description: "another root was added under the name at once" }),
});
export type ShareView = Static<typeof ShareView>;
export const ShareList = Type.Object({ shares: Type.Array(ShareView) });
export type ShareList = Static<typeof ShareList>;

const Holding = Type.Union([
  Type.Literal("shared"),
  Type.Literal("pinned"),
  Type.Literal("kept"),
  Type.Literal("cached"),
]);
export const ShareStatus = Type.Object({
  ...ShareView.properties,
  copies: Type.Integer({ minimum: 0, description: "on members that are alive or suspected" }),
  held: Type.Array(Holding, { description: "why this node has it" }),
  lastRepairAt: Type.Union([Type.Number(), Type.Null()], { description: "Unix ms, here" }),
});
export type ShareStatus = Static<typeof ShareStatus>;
export const ShareStatuses = Type.Object({ shares: Type.Array(ShareStatus) });
export type ShareStatuses = Static<typeof ShareStatuses>;

/** How far long work is; `result` ends it. */
export function progressOf<Result extends TSchema>(result: Result) {
  return Type.Object({
    bytes: Count,
    total: Type.Union([Count, Type.Null()]),
    result: Type.Optional(result),
  });
}
export type FilesProgress<Result> = {
  readonly bytes: number;
  readonly total: number | null;
  readonly result?: Result;
};

export const GotResult = Type.Object({ root: Type.String(), path: Type.String() });
export type GotResult = Static<typeof GotResult>;
export const PinResult = Type.Object({ root: Type.String() });
export type PinResult = Static<typeof PinResult>;
export const ImportResult = Type.Object({ roots: Type.Array(Type.String()) });
export type ImportResult = Static<typeof ImportResult>;

export const FilesUsage = Type.Object({
  quotaBytes: Count,
  diskBytes: Type.Integer({ minimum: 0, description: "of the pack files" }),
  liveBytes: Type.Integer({ minimum: 0, description: "of what is needed or may be" }),
  cachedBytes: Type.Integer({ minimum: 0, description: "of what gives way to anything else" }),
});
export type FilesUsage = Static<typeof FilesUsage>;
export const CollectResult = Type.Object({ freedBytes: Count, ...FilesUsage.properties });
export type CollectResult = Static<typeof CollectResult>;
export const VerifyResult = Type.Object({
  blocks: Count,
  bytes: Count,
  damaged: Type.Array(Type.String(), { description: "CIDs of blocks" }),
  incomplete: Type.Array(Type.String(), { description: "CIDs of roots" }),
});
export type VerifyResult = Static<typeof VerifyResult>;
export const Finding = Type.Object({
  step: Type.String(),
  verdict: Type.Union([Type.Literal("ok"), Type.Literal("warn"), Type.Literal("fail")]),
  detail: Type.String(),
});
export type Finding = Static<typeof Finding>;
