/**
 * `<img data-upscale>` and `<uprez-img>`: images that are upscaled in place.
 *
 * Importing this module is all that a page needs; on a server it does nothing.
 */

import type { ErrorCode, WarningCode } from "../lib/uprez.js";

/** An image without a state waits: until it is near the viewport, for its turn, or for an idle page. */
export type UpscaleState = "loading" | "sharp" | "skipped";

/** The reason why an image is left as it is. */
export type SkipReason =
  /** It has about as many pixels as are displayed. */
  | "large-enough"
  /** The user asked for less data: Save-Data, or `prefers-reduced-data`. */
  | "save-data"
  | "reduced-data"
  /** The device has 1 GiB of memory or less. */
  | "little-memory"
  /** SVG is sharp at any size. */
  | "vector"
  /** Upscaling would stop the animation (GIF, APNG, WebP, AVIF, HEIC). Not detected in `data:` and `blob:` URLs. */
  | "animated"
  /** `incomplete-file`: the file ends too early, so part of the image is missing. Not detected in `data:` and `blob:` URLs. */
  | WarningCode
  /** It would take longer than its budget. */
  | "too-slow"
  /** It could not be fetched again, or not be decoded. */
  | "failed"
  | ErrorCode;

/** Detail of the events `uprez-loading`, `uprez-sharp` and `uprez-skipped`. */
export interface UpscaleDetail {
  /** Of `uprez-skipped`. */
  reason?: SkipReason;
  /** Milliseconds from `uprez-loading` to `uprez-sharp`. */
  ms?: number;
  /** The engine; null for an image kept from an earlier visit. */
  engine?: string | null;
  /** The size of the upscaled image, in pixels. */
  width?: number;
  height?: number;
  fromCache?: boolean;
}

/** These events bubble; their target is the `<img>`. */
export type UpscaleEvent = CustomEvent<UpscaleDetail>;

/**
 * An upscaled `<img>`. It is created from the attributes `src`, `srcset`, `sizes`, `alt`, `width`, `height`, `loading`,
 * `decoding`, `fetchpriority`, `crossorigin` and `referrerpolicy`, or it is already inside the element, perhaps in a
 * `<picture>`. The latter also works without scripts; the former takes up room only when the script has run, unless a
 * style sheet reserves it, or the script has the attribute `blocking="render"`.
 *
 * `model`, `engine`, `budget` (in seconds, 10 by default) and `progressive` (shows parts of the result as they are done)
 * correspond to `data-upscale`, `data-upscale-engine`, `data-upscale-budget` and `data-upscale-progressive` of an `<img>`. Style sheets see the state as `:state(loading)`, `:state(sharp)` and
 * `:state(skipped)`, and in the attribute `state`; an `<img>` has it in `data-upscale-state`, with
 * `data-upscale-reason`.
 */
export class UprezImg extends HTMLElement {
  /** The `<img>`, if there is one yet. */
  readonly img: HTMLImageElement | null;
}

declare global {
  interface HTMLElementTagNameMap {
    "uprez-img": UprezImg;
  }

  interface GlobalEventHandlersEventMap {
    "uprez-loading": UpscaleEvent;
    "uprez-sharp": UpscaleEvent;
    "uprez-skipped": UpscaleEvent;
  }
}
