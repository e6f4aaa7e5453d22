// The state of one image in the list.

/**
 * - `reading`: its size is not yet known
 * - `waiting`, `working`, `done`, `failed`, `cancelled`
 *
 * @typedef {"reading" | "waiting" | "working" | "done" | "failed" | "cancelled"} State
 */

/** An image: its file, size, progress and result. Fires `change` when a field changes. */
export class Item extends EventTarget {
  /** @type {State} */
  state = "reading";
  /** Whether `inspect` is done, with or without success. */
  seen = false;
  /** `{ width, height }`; null if the file could not be decoded. */
  size = null;
  /** How the file was compressed, and whether its pixels show blocks; see probe.js. */
  compressed = null;
  blocky = false;
  /** An ImageBitmap; the card sets this to null when it draws it. */
  thumbnail = null;
  /** The result of `Upscaler.estimate`. */
  estimate = null;
  /** A remark on the file; not an error. */
  notice = "";
  error = null;
  /** From 0 to 1, in the state `working`. */
  progress = 0;
  /** Milliseconds left; null if unknown. */
  left = null;
  /** The last result, kept while a new one is computed: `{ blob, width, height, ms, engine, model, scale, key }`. */
  result = null;
  /** Whether the result was downloaded. */
  saved = false;
  /** Aborts the current work. */
  controller = null;

  constructor(file) {
    super();
    this.file = file;
    this.name = file.name;
    if (file.type === "image/gif") this.notice = "Only the first frame of a GIF is upscaled.";
  }

  /** Whether there is work left. */
  get pending() {
    return ["reading", "waiting", "working"].includes(this.state);
  }

  /** Sets fields, and fires `change`. */
  update(fields) {
    Object.assign(this, fields);
    this.dispatchEvent(new Event("change"));
  }
}
