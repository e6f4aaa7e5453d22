// Reports the state of an image to the page, by attributes and events.

/** The reason to leave an image as it is. */
export class Skip extends Error {
  constructor(reason, message = reason) {
    super(message);
    this.reason = reason;
  }
}

/** The reason of an error: that of a `Skip`, the library's error code, or `failed`. */
export function reasonOf(error) {
  if (error instanceof Skip) return error.reason;
  // The code of a DOMException is a number.
  return typeof error?.code === "string" ? error.code : "failed";
}

/**
 * Sets the attributes and fires the event of a state; null while the image waits.
 *
 * @param {HTMLImageElement} img
 * @param {"loading" | "sharp" | "skipped" | null} state
 * @param {object} [detail] of the event
 */
export function announce(img, state, detail = {}) {
  set(img, "data-upscale-state", state);
  set(img, "data-upscale-reason", detail.reason);
  if (state) img.dispatchEvent(new CustomEvent(`uprez-${state}`, { bubbles: true, composed: true, detail }));
}

function set(img, name, value) {
  if (value) img.setAttribute(name, value);
  else img.removeAttribute(name);
}
