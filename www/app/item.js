// The state of one image in the list.

import { folderOf } from "./dropped-files.js";
import { sentence } from "./format.js";

/**
 * - `reading`: its size is not yet known
 * - `waiting`, `working`, `done`, `failed`, `cancelled`
 *
 * @typedef {"reading" | "waiting" | "working" | "done" | "failed" | "cancelled"} State
 */

/**
 * An image: its file, size, progress and result. Fires `change` when a field changes, and `tile` with a part of the result
 * as `detail`.
 */
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
  /** Warnings about the file, by their codes. */
  #warnings = new Map();
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
    /** The folders that the file was in, such as `holiday/beach/`. */
    this.folder = folderOf(file);
  }

  /** A remark on the file; empty if there is none. */
  get notice() {
    return [...this.#warnings.values()].map(sentence).join(" ");
  }

  /** Adds a warning of the library to the notice. */
  warn(warning) {
    this.#warnings.set(warning.code, warning);
    this.update({});
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
