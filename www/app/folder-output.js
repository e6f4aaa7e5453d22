// Writes results into a folder that the user chooses: those that are there, and each further one as soon as it is done.

import { writeOne } from "./download.js";

/** Fires `change` when a folder is chosen or given up. */
export class FolderOutput extends EventTarget {
  #queue;
  #fail;
  /** @type {FileSystemDirectoryHandle | null} */
  #folder = null;
  #isWriting = false;
  /** Results that are written. */
  #written = new WeakSet();

  /**
   * @param {import("./queue.js").Queue} queue
   * @param {(error: Error) => void} fail
   */
  constructor(queue, fail) {
    super();
    this.#queue = queue;
    this.#fail = fail;
    queue.addEventListener("change", () => this.#write());
  }

  /** Whether the browser can write into folders. */
  get isPossible() {
    return "showDirectoryPicker" in globalThis;
  }

  /** Name of the chosen folder; empty if there is none. */
  get name() {
    return this.#folder?.name ?? "";
  }

  /** Asks for a folder. */
  async choose() {
    try {
      this.#set(await showDirectoryPicker({ id: "results", mode: "readwrite" }));
      this.#written = new WeakSet();
    } catch (error) {
      // The user has chosen none.
      if (error.name !== "AbortError") this.#fail(error);
    }
    await this.#write();
  }

  /** Writes no further results. */
  stop() {
    this.#set(null);
  }

  #set(folder) {
    this.#folder = folder;
    this.dispatchEvent(new Event("change"));
  }

  async #write() {
    if (this.#isWriting) return;
    this.#isWriting = true;
    const isNew = ({ result }) => result && !this.#written.has(result);
    for (let item = this.#queue.items.find(isNew); item && this.#folder; item = this.#queue.items.find(isNew)) {
      this.#written.add(item.result);
      try {
        await writeOne(item, this.#folder);
      } catch (error) {
        // The results stay in the list.
        this.#fail(new Error(`the results cannot be written into the folder ${this.name} (${error.message})`));
        this.stop();
      }
    }
    this.#isWriting = false;
  }
}
