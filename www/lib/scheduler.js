// Decides which of several calls runs next.

/** Each running call holds an image in memory; running more of them only makes each one slower. */
const MAX_ACTIVE = 2;

/** A more urgent priority has a smaller rank. */
export const RANKS = { "user-blocking": 0, "user-visible": 1, background: 2 };

export class Scheduler {
  #waiting = [];
  #active = [];

  /** Waits until a call of this rank may run; resolves to a function that ends it. */
  enter(rank, signal) {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((other) => other !== call);
        reject(signal.reason);
      };
      const admit = (end) => {
        signal?.removeEventListener("abort", leave);
        resolve(end);
      };
      const call = { rank, admit };
      if (signal?.aborted) return leave();
      signal?.addEventListener("abort", leave);
      this.#waiting.push(call);
      this.#admit();
    });
  }

  #admit() {
    this.#waiting.sort((a, b) => a.rank - b.rank);
    const mayRun = ({ rank }) =>
      this.#active.length < MAX_ACTIVE || this.#active.every((other) => other.rank > rank);
    while (this.#waiting.length > 0 && mayRun(this.#waiting[0])) {
      const call = this.#waiting.shift();
      this.#active.push(call);
      call.admit(() => {
        this.#active = this.#active.filter((other) => other !== call);
        this.#admit();
      });
    }
  }
}
