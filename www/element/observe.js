// Observes which images the document has, their positions and sizes.

import { ImageController } from "./image-controller.js";

/** Images within this distance of the viewport are upscaled. */
const MARGIN = "50%";

/** Attributes that change the image, and attributes that change how it is upscaled. */
const ATTRIBUTES = ["src", "srcset", "sizes", "crossorigin"];
const OPTIONS = ["data-upscale", "data-upscale-engine", "data-upscale-budget", "data-upscale-progressive"];

const SELECTOR = "img[data-upscale]";

/** @type {WeakMap<HTMLImageElement, ImageController>} */
const controllers = new WeakMap();

/** Images near the viewport. */
const near = new Set();

let positions;
let sizes;

/** The document and the open shadow roots that are observed. */
const roots = new WeakSet();

/** Custom elements whose class is not defined yet. */
const undefinedElements = new WeakSet();

let mutations;

/** Registers every `<img data-upscale>` of the document and of its open shadow roots, now and later. */
export function observeDocument() {
  mutations = new MutationObserver((records) => records.forEach(changed));
  addImages([document]);
}

/** Registers the images at and below these nodes. */
function addImages(nodes) {
  for (const img of images(nodes)) if (img.isConnected) add(img);
}

function observeRoot(root) {
  if (roots.has(root)) return;
  roots.add(root);
  const attributeFilter = [...ATTRIBUTES, ...OPTIONS];
  mutations.observe(root, { childList: true, subtree: true, attributes: true, attributeFilter });
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
    addImages(addedNodes);
    return;
  }
  // The <img> of a <picture> fires `load` when another <source> is chosen.
  if (!(target instanceof HTMLImageElement)) return;
  if (attributeName === "data-upscale" && !target.matches(SELECTOR)) return remove(target);
  if (target.matches(SELECTOR)) add(target);
  renew(target);
}

/** The images at and below these nodes, in their open shadow roots, too, which are observed from now on. */
function images(nodes) {
  return [...nodes].flatMap((node) => {
    if (node instanceof Document || node instanceof ShadowRoot) observeRoot(node);
    const below = node.querySelectorAll?.("*") ?? [];
    const elements = node instanceof Element ? [node, ...below] : [...below];
    return elements.flatMap((element) => {
      if (element.matches(SELECTOR)) return [element];
      if (element.shadowRoot) return images([element.shadowRoot]);
      if (element.localName.includes("-")) awaitDefinition(element);
      return [];
    });
  });
}

/** A custom element has its shadow root when its class is defined. */
function awaitDefinition(element) {
  if (element.matches(":defined") || undefinedElements.has(element)) return;
  undefinedElements.add(element);
  customElements.whenDefined(element.localName).then(() => addImages([element]), () => {});
}
