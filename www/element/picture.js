// One <img>: when it is made sharp, and what it is at the moment.

import { magnification, unwilling } from "./policy.js";
import { hide, show } from "./show.js";
import { Skip, announce, reasonOf } from "./state.js";
import { takeTurn } from "./turn.js";

/** Pictures that grew by less are sharp enough. */
const GROWTH = 1.2;

/** A window that is being resized does so many times a second. */
const RESIZING_MS = 300;

export class Picture {
  #img;
  #onState;
  #box = null;
  #near = false;
  /** What is under way. */
  #attempt = null;
  #shown = false;
  /** The picture that was worked on, and for what magnification that is settled. */
  #source = "";
  #settled = 0;
  #timer;
  #listeners = new AbortController();

  constructor(img, onState) {
    this.#img = img;
    this.#onState = onState;
    // A copy of a sharp picture has its style, too, and a URL that is not its own.
    hide(img);
    announce(img, null);
    const { signal } = this.#listeners;
    img.addEventListener("load", () => this.#loaded(), { signal });
    img.addEventListener("error", () => this.renew(), { signal });
  }

  /** It came near the window, or is too far away to matter. */
  moved(near) {
    this.#near = near;
    if (near) this.#consider();
    else this.#attempt?.abort();
  }

  /** @param {{ width: number, height: number }} [box] what it is shown in, in CSS pixels, if that changed */
  resized(box = this.#box) {
    const first = !this.#box;
    this.#box = box;
    clearTimeout(this.#timer);
    if (first) this.#consider();
    else this.#timer = setTimeout(() => this.#consider(), RESIZING_MS);
  }

  /** It is another picture, or to be made sharp in another way. */
  renew() {
    this.#reset();
    this.#consider();
  }

  forget() {
    clearTimeout(this.#timer);
    this.#listeners.abort();
    this.#reset();
  }

  /** Also where a <picture> chose another source. */
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
    // Before anybody hears of it.
    this.#onState?.(state);
    announce(this.#img, state, detail);
  }

  async #consider() {
    const img = this.#img;
    const loaded = img.complete && img.naturalWidth > 0;
    if (!this.#near || !this.#box?.width || !this.#box.height || !loaded || this.#attempt) return;
    // Natural sides may be in CSS pixels, but are so every time: this tells by how much it grew.
    const grown = magnification(img, this.#box, { width: img.naturalWidth, height: img.naturalHeight });
    if (grown <= this.#settled * GROWTH) return;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#source = img.currentSrc;
    try {
      await takeTurn(() => this.#sharpen(attempt.signal), { signal: attempt.signal, img });
    } catch (error) {
      if (!attempt.signal.aborted) this.#skipped(error);
    }
    // What was begun anew since is not this attempt's.
    if (this.#attempt !== attempt) return;
    this.#attempt = null;
    if (!attempt.signal.aborted) this.#settled = grown;
    else if (!this.#shown) this.#tell(null);
    // Meanwhile it may have grown, or come back.
    this.#consider();
  }

  async #sharpen(signal) {
    const refused = unwilling();
    if (refused) throw new Skip(refused);
    const img = this.#img;
    let begun;
    const onStart = () => {
      begun = performance.now();
      if (!this.#shown) this.#tell("loading");
    };
    // Most pages' pictures are large enough, or nobody scrolls to them.
    const { sharpen } = await import("./sharpen.js");
    const { blob, ...detail } = await sharpen(img, this.#box, { signal, onStart });
    await show(img, blob, detail, signal);
    this.#shown = true;
    this.#tell("sharp", { ...detail, ms: performance.now() - begun });
  }

  #skipped(error) {
    // What is sharp for a smaller box is better than nothing.
    if (!this.#shown) this.#tell("skipped", { reason: reasonOf(error) });
  }
}
