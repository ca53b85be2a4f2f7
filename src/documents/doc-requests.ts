/** What the daemon asks of the thread that holds its documents, and what that answers. */
import type { DocOutcome } from "../protocol/state/doc-view.ts";
import type { Splice } from "../protocol/state/doc-splice.ts";

export type ClientUpdate = { readonly client: number; readonly update: Uint8Array };

/** Splices of the document as it is, what made `text` of `base`, or an update that was made elsewhere. */
export type DocEdit =
  | { readonly splices: readonly Splice[] }
  | { readonly base: string; readonly text: string }
  | { readonly update: Uint8Array };

export type DocRequest =
  /** Applies updates to a document; `fresh` to a new one in its place. */
  | {
      readonly kind: "apply";
      readonly doc: string;
      readonly fresh: boolean;
      readonly updates: readonly ClientUpdate[];
    }
  | { readonly kind: "text"; readonly doc: string }
  /** The whole document as one update. */
  | { readonly kind: "state"; readonly doc: string }
  | {
      readonly kind: "edit";
      readonly doc: string;
      readonly client: number;
      /** False when it was never written, or deleted. */
      readonly exists: boolean;
      readonly edits: readonly DocEdit[];
    }
  | { readonly kind: "join"; readonly client: number; readonly runs: readonly Uint8Array[][] }
  | { readonly kind: "forget"; readonly doc: string };

/** What became of one edit: the document's length after it, for a merge its text; or why it was not made. */
export type EditOutcome =
  | { readonly length: number; readonly text: string | undefined }
  | { readonly code: string; readonly message: string; readonly hint: string | undefined };

export type DocAnswers = {
  readonly apply: { readonly outcomes: readonly DocOutcome[] };
  readonly text: { readonly text: string };
  readonly state: { readonly update: Uint8Array };
  readonly edit: {
    readonly updates: readonly Uint8Array[];
    readonly outcomes: readonly EditOutcome[];
  };
  readonly join: { readonly updates: readonly Uint8Array[] };
  readonly forget: Record<string, never>;
};
