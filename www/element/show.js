// Shows the upscaled image in an <img>, by its style alone: `src`, `srcset`, `alt` and the file that a right click saves
// stay as they are.

/** The URL that each <img> shows. */
const urls = new WeakMap();

/** The properties that are set here. */
const PROPERTIES = ["content", "aspect-ratio"];

/**
 * Shows an image, once it is decoded, in the same box.
 *
 * @param {HTMLImageElement} img
 * @param {Blob} blob
 * @param {{ width: number }} size of the blob, in pixels
 * @param {AbortSignal} signal
 */
export async function show(img, blob, { width }, signal) {
  const url = URL.createObjectURL(blob);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    signal.throwIfAborted();
  } catch (error) {
    URL.revokeObjectURL(url);
    throw error;
  }
  const before = urls.get(img);
  urls.set(img, url);
  // The resolution keeps the natural size in CSS pixels, for an <img> without a width.
  img.style.setProperty("content", `image-set(url("${url}") ${width / img.naturalWidth}x)`);
  // Rounding to whole pixels may change the aspect ratio a little.
  if (before || getComputedStyle(img).aspectRatio.startsWith("auto")) {
    img.style.setProperty("aspect-ratio", `${img.naturalWidth} / ${img.naturalHeight}`);
  }
  if (before) URL.revokeObjectURL(before);
}

/** Shows the image of `src` again. */
export function hide(img) {
  const url = urls.get(img);
  urls.delete(img);
  if (url) URL.revokeObjectURL(url);
  // A cloned <img> has the style, but no entry in `urls`.
  if (!img.style.content.includes("blob:")) return;
  for (const name of PROPERTIES) img.style.removeProperty(name);
}
