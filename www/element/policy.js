// Decides whether to upscale an image, and to which size.

/** Below this, upscaling is not worth the energy. */
const MIN_MAGNIFICATION = 1.1;

/** In GiB; browsers report 0.25 or more. */
const LITTLE_MEMORY = 1;

/** The reason not to upscale on this device; null if there is none. */
export function refusal() {
  if (navigator.connection?.saveData) return "save-data";
  if (matchMedia("(prefers-reduced-data: reduce)").matches) return "reduced-data";
  if (navigator.deviceMemory <= LITTLE_MEMORY) return "little-memory";
  return null;
}

/**
 * Device pixels per image pixel; where the image is stretched, in the direction with more of them.
 *
 * @param {HTMLImageElement} img
 * @param {{ width: number, height: number }} box the displayed size, in CSS pixels
 * @param {{ width: number, height: number }} pixels the image's size
 */
export function magnification(img, box, pixels) {
  const [across, down] = [box.width / pixels.width, box.height / pixels.height];
  const inside = Math.min(across, down);
  const own = img.naturalWidth / pixels.width;
  const fits = { contain: inside, none: own, "scale-down": Math.min(own, inside) };
  return devicePixelRatio * (fits[getComputedStyle(img).objectFit] ?? Math.max(across, down));
}

/** The size to upscale to, in device pixels; null if the image is large enough. */
export function target(img, box, pixels) {
  const factor = magnification(img, box, pixels);
  if (factor <= MIN_MAGNIFICATION) return null;
  return { width: Math.round(pixels.width * factor), height: Math.round(pixels.height * factor), fit: "fill" };
}
