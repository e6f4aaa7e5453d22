// Which pictures there are, where they are, and how large.

import { Picture } from "./picture.js";

/** Pictures so far outside of the window are begun. */
const MARGIN = "50%";

/** What changes which picture is shown, or how it is made sharp. */
const ATTRIBUTES = ["src", "srcset", "sizes", "crossorigin"];
const OPTIONS = ["data-upscale", "data-upscale-engine", "data-upscale-budget"];

const SELECTOR = "img[data-upscale]";

/** @type {WeakMap<HTMLImageElement, Picture>} */
const pictures = new WeakMap();

/** Those of them that are near the window. */
const near = new Set();

let positions;
let sizes;

/** Finds every `<img data-upscale>` of the document, now and later. */
export function watchDocument() {
  const observer = new MutationObserver((records) => records.forEach(changed));
  const attributeFilter = [...ATTRIBUTES, ...OPTIONS];
  observer.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter });
  document.querySelectorAll(SELECTOR).forEach((img) => add(img));
}

/**
 * Begins to watch a picture.
 *
 * @param {HTMLImageElement} img
 * @param {(state: string | null) => void} [onState] told of every new state
 */
export function add(img, onState) {
  if (pictures.has(img)) return;
  observe();
  pictures.set(img, new Picture(img, onState));
  positions.observe(img);
  sizes.observe(img);
}

/** Forgets a picture, which is shown as it was. */
export function remove(img) {
  positions?.unobserve(img);
  sizes?.unobserve(img);
  near.delete(img);
  pictures.get(img)?.forget();
  pictures.delete(img);
}

/** Begins anew, because the picture or its options are others. */
export function renew(img) {
  pictures.get(img)?.renew();
}

function observe() {
  if (positions) return;
  positions = new IntersectionObserver((entries) => entries.forEach(moved), { rootMargin: MARGIN });
  sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) pictures.get(target)?.resized(contentRect);
  });
  observePixelRatio();
}

function moved({ target, isIntersecting }) {
  // The last word on a picture that was removed.
  if (!pictures.has(target)) return;
  if (isIntersecting) near.add(target);
  else near.delete(target);
  pictures.get(target).moved(isIntersecting);
}

/** Zoom, and another screen. */
function observePixelRatio() {
  const changed = () => {
    for (const img of near) pictures.get(img).resized();
    observePixelRatio();
  };
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", changed, { once: true });
}

function changed({ type, target, attributeName, addedNodes, removedNodes }) {
  if (type === "childList") {
    // What was only moved is removed and added in one go.
    for (const img of images(removedNodes)) if (!img.isConnected) remove(img);
    for (const img of images(addedNodes)) if (img.isConnected) add(img);
    return;
  }
  // Another source of a <picture> shows by its <img>.
  if (!(target instanceof HTMLImageElement)) return;
  if (attributeName === "data-upscale" && !target.matches(SELECTOR)) return remove(target);
  if (target.matches(SELECTOR)) add(target);
  renew(target);
}

function images(nodes) {
  const elements = [...nodes].filter((node) => node instanceof Element);
  return elements.flatMap((element) => [
    ...(element.matches(SELECTOR) ? [element] : []),
    ...element.querySelectorAll(SELECTOR),
  ]);
}
