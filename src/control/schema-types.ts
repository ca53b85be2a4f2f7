/** The shapes of the types beside `register`; see schema.ts, which has them all. */
import { Type, type Static } from "typebox";

const Count = Type.Integer({ minimum: 0 });
const Next = Type.Union([Type.String(), Type.Null()], {
  description: "pass as `after` for the next page; null at the end",
});
const Stamp = Type.String({ description: "hybrid logical clock, 16 hex digits" });
const WrittenAt = Type.Number({ description: "Unix ms part of the stamp" });
const Author = Type.String({ description: "peer id of the writer" });

/** Exactly one of `value` and `valueBase64` is present. */
export const WrittenValue = Type.Object({
  value: Type.Optional(Type.Unknown()),
  valueBase64: Type.Optional(Type.String()),
  author: Author,
  stamp: Stamp,
  writtenAt: WrittenAt,
});
export type WrittenValue = Static<typeof WrittenValue>;

/** The values that were written without knowing of one another, the latest first. */
export const MultiItem = Type.Object({
  key: Type.String(),
  count: Type.Integer({ minimum: 1, description: "of values; of very many the latest are given" }),
  values: Type.Array(WrittenValue, { minItems: 1 }),
});
export type MultiItem = Static<typeof MultiItem>;
export const MultiList = Type.Object({ items: Type.Array(MultiItem), next: Next });
export type MultiList = Static<typeof MultiList>;

const Integer = Type.String({
  pattern: "^-?[0-9]{1,40}$",
  description: "an integer in decimal; text, since it may be over what a JavaScript number holds",
});

export const CounterItem = Type.Object({
  key: Type.String(),
  value: Integer,
  author: Type.String({ description: "peer id of whoever counted last" }),
  stamp: Stamp,
  writtenAt: WrittenAt,
});
export type CounterItem = Static<typeof CounterItem>;
export const CounterList = Type.Object({ items: Type.Array(CounterItem), next: Next });
export type CounterList = Static<typeof CounterList>;
export const CounterAdd = Type.Object(
  {
    by: Type.Union([
      Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
      Type.String({ pattern: "^-?[0-9]{1,20}$" }),
    ]),
  },
  { additionalProperties: false },
);
export type CounterAdd = Static<typeof CounterAdd>;
/** `value` is the counter's on this node after the write. */
export const CounterResult = Type.Object({ key: Type.String(), value: Integer, stamp: Stamp });
export type CounterResult = Static<typeof CounterResult>;

export const SetMember = Type.Object({
  element: Type.String(),
  author: Type.String({ description: "peer id of whoever added it last" }),
  stamp: Stamp,
  writtenAt: WrittenAt,
});
export type SetMember = Static<typeof SetMember>;
export const SetMembers = Type.Object({ items: Type.Array(SetMember), next: Next });
export type SetMembers = Static<typeof SetMembers>;
export const SetChange = Type.Object(
  {
    add: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000 })),
    remove: Type.Optional(Type.Array(Type.String(), { maxItems: 1_000 })),
  },
  { additionalProperties: false },
);
export type SetChange = Static<typeof SetChange>;

export const NameList = Type.Object({ items: Type.Array(Type.String()), next: Next });
export type NameList = Static<typeof NameList>;

/** An item of a log. Exactly one of `value` and `valueBase64` is present. */
export const LogItem = Type.Object({
  position: Type.String({ description: "names the item in its log, and sorts like it" }),
  ...WrittenValue.properties,
});
export type LogItem = Static<typeof LogItem>;
export const LogTail = Type.Object({
  items: Type.Array(LogItem),
  before: Type.Union([Type.String(), Type.Null()], {
    description: "pass as `before` for older items; null when there are none",
  }),
});
export type LogTail = Static<typeof LogTail>;

const Range = Type.Object({ from: Stamp, to: Stamp });
const When = {
  stamp: Stamp,
  writtenAt: WrittenAt,
  counter: Type.Integer({ minimum: 0, description: "of the stamp, within its millisecond" }),
  ageMs: Type.Number(),
};

export const ExplainedEntry = Type.Object({
  author: Author,
  nonce: Type.String({ description: "of the writer, 16 hex digits" }),
  hash: Type.String(),
  ...When,
  bytes: Count,
  deletes: Type.Boolean(),
  says: Type.String({ description: "what it contributes, in words" }),
  epoch: Type.Union([Stamp, Type.Null()]),
  contextWriters: Type.Union([Count, Type.Null()], {
    description: "how many writers' entries it had seen",
  }),
  range: Type.Union([Range, Type.Null()], { description: "of a checkpoint" }),
  expiresAt: Type.Union([Type.Number(), Type.Null()]),
});
export type ExplainedEntry = Static<typeof ExplainedEntry>;
export const ExplainedType = Type.Object({
  type: Type.String(),
  class: Type.String(),
  why: Type.String({ description: "why the key holds what it holds, in words" }),
  count: Type.Integer({ minimum: 1, description: "of live entries" }),
  entries: Type.Array(ExplainedEntry, { description: "the newest of them, newest first" }),
});
export type ExplainedType = Static<typeof ExplainedType>;
export const QuarantinedEntry = Type.Object({
  type: Type.String(),
  class: Type.String(),
  author: Author,
  from: Type.String({ description: "peer id of whoever sent it" }),
  ...When,
  dueInMs: Type.Number({ description: "until it counts, by this node's clock" }),
  bytes: Count,
});
export type QuarantinedEntry = Static<typeof QuarantinedEntry>;
export const Explanation = Type.Object({
  namespace: Type.String(),
  key: Type.String(),
  types: Type.Array(ExplainedType),
  quarantined: Type.Array(QuarantinedEntry),
});
export type Explanation = Static<typeof Explanation>;
