// One picture of the list.

/**
 * - `reading`: its size is not known yet
 * - `waiting`, `working`, `done`, `failed`, `cancelled`
 *
 * @typedef {"reading" | "waiting" | "working" | "done" | "failed" | "cancelled"} State
 */

/** A picture: the file, what is known of it, and what came of it. `change` is fired whenever something has changed. */
export class Item extends EventTarget {
  /** @type {State} */
  state = "reading";
  /** Whether it was looked at, with or without success. */
  seen = false;
  /** `{ width, height }`, where the file could be read. */
  size = null;
  /** An ImageBitmap; whoever shows it takes it away. */
  thumbnail = null;
  /** What `Upscaler.estimate` says. */
  estimate = null;
  /** What people have to know of this file. */
  note = "";
  error = null;
  /** From 0 to 1, while it is worked on. */
  progress = 0;
  /** Milliseconds left, as far as they are known. */
  left = null;
  /** The newest result, whatever has happened since: `{ blob, width, height, ms, engine, model, scale, key }`. */
  result = null;
  /** Whether the result is kept elsewhere, too. */
  saved = false;
  /** Ends the work on it. */
  controller = null;

  constructor(file) {
    super();
    this.file = file;
    this.name = file.name;
    if (file.type === "image/gif") this.note = "A GIF: only its first frame is used.";
  }

  /** Whether there is something to do, or being done. */
  get pending() {
    return ["reading", "waiting", "working"].includes(this.state);
  }

  /** Changes fields, and says so. */
  update(fields) {
    Object.assign(this, fields);
    this.dispatchEvent(new Event("change"));
  }
}
