// Chooses the model for an image: by what the image is, and by how much it is enlarged.

import { translated } from "./words.js";

/** The types of image in the settings; `auto` leaves the choice to `suggestedPurpose`. */
export const PURPOSES = {
  auto: {
    title: translated("Detect for each image"),
    description: translated("Compressed images are cleaned while they are enlarged; others keep every detail."),
  },
  photo: {
    title: translated("Photo, compressed"),
    description: translated("For photographs from the web, messengers and phones: JPEG, WebP, AVIF. Removes traces of compression and light noise."),
  },
  clean: {
    title: translated("Graphic or render, not compressed"),
    description: translated("For images without traces of compression, such as PNG. It would sharpen these traces, too."),
  },
};

/**
 * The model for a purpose and an enlargement: the smallest scale that is enough, or else the largest.
 *
 * @param {{ name: string, purpose: string, scale: number }[]} models
 * @param {"photo" | "clean"} purpose
 * @param {number} factor result's side divided by the image's side
 * @returns {string} the model's name
 */
export function modelFor(models, purpose, factor) {
  const suited = models.filter((model) => model.purpose === purpose).sort((a, b) => a.scale - b.scale);
  return (suited.find(({ scale }) => scale >= factor) ?? suited.at(-1)).name;
}

/**
 * How many times as large a result is, as a side divided by the image's side.
 *
 * @param {{ scale?: number, width?: number, height?: number }} target
 * @param {{ width: number, height: number } | null} size of the image; null if it is not known
 */
export function factorOf({ scale, width, height }, size) {
  if (scale || !size) return scale ?? 1;
  const factors = [width / size.width, height / size.height].filter((factor) => factor > 0);
  return Math.min(...factors);
}
