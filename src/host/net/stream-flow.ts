/** When a libp2p stream is read from, and when it may be written to. */
import type { Stream } from "@libp2p/interface";

export class StreamFlow {
  readonly #stream: Stream;
  readonly #hasRoom: () => boolean;
  #resuming = false;

  /** `hasRoom`: the reader can take what comes. */
  constructor(stream: Stream, hasRoom: () => boolean) {
    this.#stream = stream;
    this.#hasRoom = hasRoom;
  }

  /**
   * Pauses or resumes the stream by whether there is room. `resume` first hands out what libp2p had kept and only then
   * tells the muxer, so a pause from inside of it would be undone: that one comes after.
   */
  regulate(): void {
    if (this.#resuming) return;
    if (this.#stream.readStatus === "paused" && this.#hasRoom()) {
      this.#resuming = true;
      this.#stream.resume();
      this.#resuming = false;
    }
    if (this.#stream.readStatus === "readable" && !this.#hasRoom()) this.#stream.pause();
  }

  /**
   * Waits until the transport takes more, or `isOver`. The stream's own `onDrain` is no help: its promise is made once,
   * so from the second time on it resolves at once (@libp2p/utils 7.4).
   */
  async drained(isOver: () => boolean): Promise<void> {
    const stream = this.#stream;
    while (stream.writableNeedsDrain && !isOver()) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          stream.removeEventListener("drain", done);
          stream.removeEventListener("close", done);
          resolve();
        };
        stream.addEventListener("drain", done);
        stream.addEventListener("close", done);
      });
    }
  }
}
