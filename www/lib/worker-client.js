// The page's end of the worker protocol: sends requests and matches answers to them. The other end is
// workers/worker-server.js.

import { UprezError } from "./error.js";

export class WorkerClient {
  /** The error that ended the worker; later calls are rejected with it. */
  broken = null;
  /** The worker counts as failed if a call gets no answer for this long. */
  timeoutMs = Infinity;
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
      const why = worker.blocked?.message ?? "the worker could not be started";
      this.#fail("worker-failed", event.message || why);
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
        this.#restartTimer();
        settle(value);
      };
      this.#calls.set(id, { resolve: end(resolve), reject: end(reject) });
      this.#worker.postMessage({ ...request, id }, transfer);
      this.#restartTimer();
    });
  }

  #receive({ id, type, code, message, ...answer }) {
    if (type === "failed") return this.#fail(code, message);
    const call = this.#calls.get(id);
    if (type === "done") call?.resolve(answer);
    else call?.reject(new UprezError(code, message));
  }

  #restartTimer() {
    clearTimeout(this.#timer);
    if (this.#calls.size > 0 && this.timeoutMs !== Infinity) {
      this.#timer = setTimeout(() => this.#fail("gpu-failed", "the GPU does not answer"), this.timeoutMs);
    }
  }

  #fail(code, message) {
    this.terminate(new UprezError(code, message));
  }

  /** Ends the worker; pending calls are rejected with `error`. */
  terminate(error = new UprezError("disposed", "this upscaler was disposed of")) {
    this.broken ??= error;
    clearTimeout(this.#timer);
    this.#worker.terminate();
    for (const call of [...this.#calls.values()]) call.reject(error);
  }
}
