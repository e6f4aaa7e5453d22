// What scripts and style sheets of the page are told of a picture.

/** Why a picture stays as it is. */
export class Skip extends Error {
  constructor(reason, message = reason) {
    super(message);
    this.reason = reason;
  }
}

/** The reason in an error: this element's own, the library's code, or `failed`. */
export function reasonOf(error) {
  if (error instanceof Skip) return error.reason;
  // A DOMException has a number for a code.
  return typeof error?.code === "string" ? error.code : "failed";
}

/**
 * Writes the state to the attributes and tells of it; without a state the picture waits.
 *
 * @param {HTMLImageElement} img
 * @param {"loading" | "sharp" | "skipped" | null} state
 * @param {object} [detail] more for the event
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
