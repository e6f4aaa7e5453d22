// Observes which images the document has, their positions and sizes.

import { ImageController } from "./image-controller.js";

/** Images within this distance of the viewport are upscaled. */
const MARGIN = "50%";

/** Attributes that change the image, and attributes that change how it is upscaled. */
const ATTRIBUTES = ["src", "srcset", "sizes", "crossorigin"];
const OPTIONS = ["data-upscale", "data-upscale-engine", "data-upscale-budget"];

const SELECTOR = "img[data-upscale]";

/** @type {WeakMap<HTMLImageElement, ImageController>} */
const controllers = new WeakMap();

/** Images near the viewport. */
const near = new Set();

let positions;
let sizes;

/** Registers every `<img data-upscale>` of the document, now and later. */
export function observeDocument() {
  const observer = new MutationObserver((records) => records.forEach(changed));
  const attributeFilter = [...ATTRIBUTES, ...OPTIONS];
  observer.observe(document, { childList: true, subtree: true, attributes: true, attributeFilter });
  document.querySelectorAll(SELECTOR).forEach((img) => add(img));
}

/**
 * Registers an image.
 *
 * @param {HTMLImageElement} img
 * @param {(state: string | null) => void} [onState] called with each new state
 */
export function add(img, onState) {
  if (controllers.has(img)) return;
  observe();
  controllers.set(img, new ImageController(img, onState));
  positions.observe(img);
  sizes.observe(img);
}

/** Unregisters an image, and shows the original again. */
export function remove(img) {
  positions?.unobserve(img);
  sizes?.unobserve(img);
  near.delete(img);
  controllers.get(img)?.forget();
  controllers.delete(img);
}

/** Starts again, because the image or its options have changed. */
export function renew(img) {
  controllers.get(img)?.renew();
}

function observe() {
  if (positions) return;
  positions = new IntersectionObserver((entries) => entries.forEach(moved), { rootMargin: MARGIN });
  sizes = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) controllers.get(target)?.resized(contentRect);
  });
  observePixelRatio();
}

function moved({ target, isIntersecting }) {
  // A late entry of an image that was removed.
  if (!controllers.has(target)) return;
  if (isIntersecting) near.add(target);
  else near.delete(target);
  controllers.get(target).moved(isIntersecting);
}

/** The ratio changes by zooming, and when the window moves to another screen. */
function observePixelRatio() {
  const changed = () => {
    for (const img of near) controllers.get(img).resized();
    observePixelRatio();
  };
  matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", changed, { once: true });
}

function changed({ type, target, attributeName, addedNodes, removedNodes }) {
  if (type === "childList") {
    // A move is reported as removed and added.
    for (const img of images(removedNodes)) if (!img.isConnected) remove(img);
    for (const img of images(addedNodes)) if (img.isConnected) add(img);
    return;
  }
  // The <img> of a <picture> fires `load` when another <source> is chosen.
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
