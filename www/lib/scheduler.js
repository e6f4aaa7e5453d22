// Decides which of several calls runs next.

/** Each running call holds an image in memory; running more of them only makes each one slower. */
const MAX_ACTIVE = 2;

/** A more urgent priority has a smaller rank. */
export const RANKS = { "user-blocking": 0, "user-visible": 1, background: 2 };

/** A waiting call that so many others have overtaken counts as more urgent by one rank. */
const PATIENCE = 8;

export class Scheduler {
  #waiting = [];
  #active = [];
  #calls = 0;

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
      const call = { rank, admit, since: (this.#calls += 1), overtaken: 0 };
      if (signal?.aborted) return leave();
      signal?.addEventListener("abort", leave);
      this.#waiting.push(call);
      this.#admit();
    });
  }

  #admit() {
    this.#waiting.sort((a, b) => urgency(a) - urgency(b));
    const mayRun = ({ rank }) =>
      this.#active.length < MAX_ACTIVE || this.#active.every((other) => other.rank > rank);
    while (this.#waiting.length > 0 && mayRun(this.#waiting[0])) {
      const call = this.#waiting.shift();
      for (const other of this.#waiting) if (other.since < call.since) other.overtaken += 1;
      this.#active.push(call);
      call.admit(() => {
        this.#active = this.#active.filter((other) => other !== call);
        this.#admit();
      });
    }
  }
}

/** The rank, lowered by being overtaken. */
const urgency = ({ rank, overtaken }) => rank - Math.floor(overtaken / PATIENCE);
