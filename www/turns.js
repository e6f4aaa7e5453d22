// Who works when several calls come at once.

/** Pictures that are held at the same time; more only make each of them wait. */
const AT_ONCE = 2;

/** What is more urgent has the smaller rank. */
export const RANKS = { "user-blocking": 0, "user-visible": 1, background: 2 };

export class Turns {
  #waiting = [];
  #active = [];

  /** Resolves to a function that ends the turn. */
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
    const mayGo = ({ rank }) => this.#active.length < AT_ONCE || this.#active.every((other) => other.rank > rank);
    while (this.#waiting.length > 0 && mayGo(this.#waiting[0])) {
      const call = this.#waiting.shift();
      this.#active.push(call);
      call.admit(() => {
        this.#active = this.#active.filter((other) => other !== call);
        this.#admit();
      });
    }
  }
}
