/**
 * The other side of a bulk transfer begun by the one who has more: the peer is asked to pull, does so window by window,
 * and says when it is done; or at once, that another session brings it the same or that it lacks too little.
 */
import { violation } from "./faults.ts";
import type { Frame } from "./frames.ts";
import type { Session, Shared } from "./session.ts";
import { supplyStream } from "./supply.ts";
import type { Task, TaskResult } from "./task.ts";

export class Offer implements Task {
  readonly #shared: Shared;
  readonly #session: Session;
  readonly #namespace: string;
  #pulled = false;
  result: TaskResult | undefined;

  constructor(shared: Shared, session: Session, namespace: string) {
    this.#shared = shared;
    this.#session = session;
    this.#namespace = namespace;
  }

  start(): void {
    this.#session.send({ kind: "offer", namespace: this.#namespace });
  }

  frame(frame: Frame): void {
    if (frame.kind === "stream" && frame.namespace === this.#namespace) {
      this.#pulled = true;
      this.#session.run(supplyStream(this.#shared, this.#session, frame));
    } else if (frame.kind === "ack" && frame.namespace === this.#namespace) {
      const { hold, digest } = frame;
      const { cursors } = this.#shared;
      if (!hold && !this.#pulled) cursors.served(this.#session.peer, this.#namespace, false);
      this.result = hold ? { verdict: "different" } : { verdict: "compare", digest };
    } else violation("not an answer to an offer");
  }
}
