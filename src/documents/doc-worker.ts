/** The thread that holds documents in memory: the only place where Yjs runs, so that no document stalls the daemon. */
import { parentPort } from "node:worker_threads";
import { CoterieError, toCoterieError } from "../core/errors.ts";
import type { DocAnswers, DocEdit, DocRequest, EditOutcome } from "./doc-requests.ts";
import type { WorkerAnswer } from "../host/worker-thread.ts";
import { joinDocUpdates } from "../protocol/state/doc-join.ts";
import { DocView } from "../protocol/state/doc-view.ts";
import { mergeTexts } from "../protocol/state/text-merge.ts";

const views = new Map<string, DocView>();

parentPort?.on("message", (request: DocRequest) => {
  // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has none
  parentPort?.postMessage(answerOf(request));
});

function answerOf(request: DocRequest): WorkerAnswer {
  try {
    return { value: perform(request) };
  } catch (error) {
    return { error: toCoterieError(error).toBody() };
  }
}

function perform(request: DocRequest): DocAnswers[DocRequest["kind"]] {
  switch (request.kind) {
    case "apply": {
      if (request.fresh) views.set(request.doc, new DocView());
      return { outcomes: viewOf(request.doc).apply(request.updates) };
    }
    case "text":
      return { text: viewOf(request.doc).toString() };
    case "state":
      return { update: viewOf(request.doc).state() };
    case "edit":
      return edit(viewOf(request.doc), request);
    case "join":
      return { updates: request.runs.map((run) => joinDocUpdates(run, request.client)) };
    default:
      views.delete(request.doc);
      return {};
  }
}

function viewOf(doc: string): DocView {
  const view = views.get(doc);
  if (view === undefined) throw new CoterieError("INTERNAL", "the document is not in memory");
  return view;
}

/** An edit that is refused leaves the others as they are; what all of them wrote is joined. */
function edit(
  view: DocView,
  { client, exists, edits }: Extract<DocRequest, { kind: "edit" }>,
): DocAnswers["edit"] {
  const updates: Uint8Array[] = [];
  const outcomes = edits.map((each): EditOutcome => {
    try {
      const isGone = !exists && updates.length === 0;
      updates.push(...updatesOf(view, client, each, isGone));
      return { length: view.length, text: "base" in each ? view.toString() : undefined };
    } catch (error) {
      if (!(error instanceof CoterieError)) throw error;
      const { code, message, hint } = error;
      return { code, message, hint };
    }
  });
  return { updates: joined(updates, client), outcomes };
}

function updatesOf(view: DocView, client: number, each: DocEdit, isGone: boolean): Uint8Array[] {
  if ("update" in each) {
    view.adopt(client, each.update);
    return [each.update];
  }
  if ("splices" in each) return view.edit(client, each.splices);
  if (isGone && each.base !== "") {
    throw new CoterieError("NOT_FOUND", "there is no such document", {
      hint: "the base of one that is to be made is the empty text",
    });
  }
  return view.edit(client, mergeTexts(each.base, each.text, view.toString()));
}

/** A burst of small edits is one item; large ones stay apart, each under the limit of a value. */
const joinedBytesMax = 32 * 1024;

function joined(updates: readonly Uint8Array[], client: number): Uint8Array[] {
  const groups: Uint8Array[][] = [];
  let bytes = 0;
  for (const update of updates) {
    if (groups.length === 0 || bytes + update.length > joinedBytesMax) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(update);
    bytes += update.length;
  }
  return groups.map((group) => joinDocUpdates(group, client));
}
