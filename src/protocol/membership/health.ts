/**
 * How far this node trusts its own eyes (Dadgar, Phillips, Currey: "Lifeguard", arXiv 1707.00788): who is late itself,
 * or is told by others that it is wrong, waits longer before it accuses.
 */
const scoreMax = 7;
/** A timer this late says that the process was held up. */
export const lateMsMin = 400;
const veryLateMs = 1_500;

export class Health {
  #score = 0;

  get score(): number {
    return this.#score;
  }

  /** By what the time for an answer is multiplied. */
  get patience(): number {
    return 1 + this.#score;
  }

  /**
   * By what the time to redial and the time to refute are multiplied. Others need those, so a little lateness here hardly
   * changes them; but a machine that is late all the time is likely everybody's.
   */
  get mercy(): number {
    return 1 + this.#score ** 2 / 16;
  }

  late(byMs: number): void {
    this.#add(byMs >= veryLateMs ? 3 : 1);
  }

  /** Those asked to help said nothing either, or this node had to refute a suspicion. */
  doubt(): void {
    this.#add(1);
  }

  /** A probe was answered in time. */
  good(): void {
    this.#add(-1);
  }

  #add(points: number): void {
    this.#score = Math.max(0, Math.min(scoreMax, this.#score + points));
  }
}
