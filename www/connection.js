// A worker, and the calls that wait for its answers.

import { UprezError } from "./error.js";

export class Connection {
  /** Why no more calls are taken. */
  broken = null;
  /** A worker that says nothing for so long while it is called has failed. */
  patienceMs = Infinity;
  #worker;
  #calls = new Map();
  #nextId = 1;
  #timer;

  /** @param {Worker} worker */
  constructor(worker) {
    this.#worker = worker;
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#fail("worker-failed", event.message || "the worker could not be started");
    };
    this.#worker.onmessageerror = () => this.#fail("worker-failed", "the worker's answer was unreadable");
  }

  /** Sends a request and waits for its answer. */
  call(request, transfer = []) {
    if (this.broken) return Promise.reject(this.broken);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const end = (settle) => (value) => {
        this.#calls.delete(id);
        this.#wait();
        settle(value);
      };
      this.#calls.set(id, { resolve: end(resolve), reject: end(reject) });
      this.#worker.postMessage({ ...request, id }, transfer);
      this.#wait();
    });
  }

  #receive({ id, type, code, message, ...answer }) {
    if (type === "failed") return this.#fail(code, message);
    const call = this.#calls.get(id);
    if (type === "done") call?.resolve(answer);
    else call?.reject(new UprezError(code, message));
  }

  /** Starts waiting anew for the next sign of life, if anything is under way. */
  #wait() {
    clearTimeout(this.#timer);
    if (this.#calls.size > 0 && this.patienceMs !== Infinity) {
      this.#timer = setTimeout(() => this.#fail("gpu-failed", "the GPU does not answer"), this.patienceMs);
    }
  }

  #fail(code, message) {
    this.terminate(new UprezError(code, message));
  }

  /** Ends the worker; calls that wait are rejected with `error`. */
  terminate(error = new UprezError("disposed", "this upscaler was disposed of")) {
    this.broken ??= error;
    clearTimeout(this.#timer);
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) call.reject(error);
  }
}
