/** What a scenario file says: a testnet, and steps that are done to it one after the other. */
import type { NetKind } from "../netns/kinds.ts";
import type { Verb } from "../verb.ts";
import type { Parsed } from "../words.ts";
import type { BookType } from "../workload/books.ts";

export const memberStatuses = ["alive", "suspect", "failed", "left"] as const;
export const valueTypes = ["register", "counter", "set", "doc"] as const;
export type ValueType = (typeof valueTypes)[number];

/** What an `expect` step wants to see within its time. */
export type Expectation =
  /** The nodes have equal digests. */
  | { readonly that: "converged" }
  /** They show this value of the key, or of a set this element; when it is to be `missing`, they do not. */
  | {
      readonly that: "value";
      readonly type: ValueType;
      readonly key: string;
      /** Null for no value at all, which only a key that is missing has. */
      readonly value: string | null;
      readonly missing: boolean;
    }
  | {
      readonly that: "members";
      readonly who: readonly number[];
      readonly are: (typeof memberStatuses)[number];
    }
  /** They show every write of `write` and `load` that was acknowledged. */
  | { readonly that: "nothing lost" };

export type Action =
  | { readonly kind: "testnet"; readonly verb: Verb; readonly parsed: Parsed }
  | {
      readonly kind: "exec";
      readonly words: readonly string[];
      /** The exit code that is wanted. */
      readonly exit: number;
      /** What it is to print; null for anything. */
      readonly output: string | null;
    }
  | { readonly kind: "write"; readonly type: BookType | "all"; readonly count: number }
  | { readonly kind: "load"; readonly load: "start" | "stop" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "expect"; readonly expectation: Expectation }
  | { readonly kind: "parallel"; readonly steps: readonly Step[] };

export type Step = {
  /** Of the file, from 1. */
  readonly line: number;
  /** As people read it in reports. */
  readonly text: string;
  readonly action: Action;
  /** Nodes that do it or that are looked at; null for all that run. */
  readonly on: readonly number[] | null;
  /** Its deadline. */
  readonly withinMs: number;
};

export type Scenario = {
  /** As given. */
  readonly file: string;
  readonly title: string;
  readonly nodes: number;
  readonly net: NetKind;
  /** For all steps together. */
  readonly timeoutMs: number;
  readonly steps: readonly Step[];
};
