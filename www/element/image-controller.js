// Controls one <img>: decides when to upscale it, and keeps its state.

import { magnification, refusal } from "./policy.js";
import { enqueue } from "./queue.js";
import { hide, show } from "./show.js";
import { Skip, announce, reasonOf } from "./state.js";

/** An image is upscaled again if its displayed size grew by more than this factor. */
const GROWTH = 1.2;

/** Delay after a resize: more of them usually follow. */
const RESIZE_DELAY_MS = 300;

export class ImageController {
  #img;
  #onState;
  #box = null;
  #near = false;
  /** AbortController of the running attempt. */
  #attempt = null;
  #shown = false;
  /** URL of the last attempt, and the magnification that it has settled. */
  #source = "";
  #settled = 0;
  #timer;
  #listeners = new AbortController();

  constructor(img, onState) {
    this.#img = img;
    this.#onState = onState;
    // A cloned <img> has the style of the original, with a blob URL that is not its own.
    hide(img);
    announce(img, null);
    const { signal } = this.#listeners;
    img.addEventListener("load", () => this.#loaded(), { signal });
    img.addEventListener("error", () => this.renew(), { signal });
  }

  /** The image came near the viewport, or left it. */
  moved(near) {
    this.#near = near;
    if (near) this.#consider();
    else this.#attempt?.abort();
  }

  /** @param {{ width: number, height: number }} [box] the displayed size in CSS pixels, if that changed */
  resized(box = this.#box) {
    const first = !this.#box;
    this.#box = box;
    clearTimeout(this.#timer);
    if (first) this.#consider();
    else this.#timer = setTimeout(() => this.#consider(), RESIZE_DELAY_MS);
  }

  /** The image or its options have changed. */
  renew() {
    this.#reset();
    this.#consider();
  }

  forget() {
    clearTimeout(this.#timer);
    this.#listeners.abort();
    this.#reset();
  }

  /** Also fired when a <picture> chooses another source. */
  #loaded() {
    if (this.#source && this.#source !== this.#img.currentSrc) this.#reset();
    this.#consider();
  }

  #reset() {
    this.#attempt?.abort();
    this.#attempt = null;
    this.#settled = 0;
    this.#source = "";
    this.#shown = false;
    hide(this.#img);
    this.#tell(null);
  }

  #tell(state, detail) {
    // Before the event.
    this.#onState?.(state);
    announce(this.#img, state, detail);
  }

  async #consider() {
    const img = this.#img;
    const loaded = img.complete && img.naturalWidth > 0;
    if (!this.#near || !this.#box?.width || !this.#box.height || !loaded || this.#attempt) return;
    // Natural sides may be in CSS pixels, but only the growth matters here.
    const grown = magnification(img, this.#box, { width: img.naturalWidth, height: img.naturalHeight });
    if (grown <= this.#settled * GROWTH) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#source = img.currentSrc;
    try {
      await enqueue(() => this.#sharpen(attempt.signal), { signal: attempt.signal, img });
    } catch (error) {
      if (!attempt.signal.aborted) this.#skipped(error);
    }
    // A newer attempt may have replaced this one.
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    if (!attempt.signal.aborted) this.#settled = grown;
    else if (!this.#shown) {
      hide(img);
      this.#tell(null);
    }
    // The image may have grown or come back meanwhile.
    this.#consider();
  }

  async #sharpen(signal) {
    const refused = refusal();
    if (refused) throw new Skip(refused);
    const img = this.#img;
    let begun;
    const onStart = () => {
      begun = performance.now();
      if (!this.#shown) this.#tell("loading");
    };
    // Imported late: many pages have no image that needs it.
    const { sharpen } = await import("./sharpen.js");
    // An image that is sharp for a smaller box stays until the new one is complete.
    const onPartial = async (blob, size, signal) => this.#shown || (await show(img, blob, size, signal));
    const { blob, ...detail } = await sharpen(img, this.#box, { signal, onStart, onPartial });
    await show(img, blob, detail, signal);
    this.#shown = true;
    this.#tell("sharp", { ...detail, ms: performance.now() - begun });
  }

  #skipped(error) {
    // An image that was upscaled for a smaller box stays.
    if (this.#shown) return;
    // Parts of the result may be shown.
    hide(this.#img);
    this.#tell("skipped", { reason: reasonOf(error) });
  }
}
