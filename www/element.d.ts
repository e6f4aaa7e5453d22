/**
 * `<img data-upscale>` and `<uprez-img>`: pictures that are sharpened where they are shown.
 *
 * Importing this is all there is to do; on a server it does nothing.
 */

import type { ErrorCode } from "./uprez.js";

/** Without one, the picture waits: to be near the window, for its turn, for an idle page. */
export type UpscaleState = "loading" | "sharp" | "skipped";

/** Why a picture stays as it is. */
export type SkipReason =
  /** It has as many pixels as are displayed, or nearly so. */
  | "large-enough"
  /** The visitor asked for less data: Save-Data, or `prefers-reduced-data`. */
  | "save-data"
  | "reduced-data"
  /** The device has no more than 1 GiB. */
  | "little-memory"
  /** SVG is sharp at any size. */
  | "vector"
  /** A sharp first picture would stop it. */
  | "animated"
  /** It would take longer than its budget. */
  | "too-slow"
  /** It could not be fetched again, or not be decoded. */
  | "failed"
  | ErrorCode;

/** What the events `uprez-loading`, `uprez-sharp` and `uprez-skipped` tell, each what it knows. */
export interface UpscaleDetail {
  /** Of `uprez-skipped`. */
  reason?: SkipReason;
  /** Milliseconds from `uprez-loading` to `uprez-sharp`. */
  ms?: number;
  /** What computed it; null where it was kept from an earlier visit. */
  engine?: string | null;
  /** The sharp picture's sides in pixels. */
  width?: number;
  height?: number;
  fromCache?: boolean;
}

/** They bubble; their target is the `<img>`. */
export type UpscaleEvent = CustomEvent<UpscaleDetail>;

/**
 * An `<img>` that is sharpened, made from the attributes `src`, `srcset`, `sizes`, `alt`, `width`, `height`, `loading`,
 * `decoding`, `fetchpriority`, `crossorigin` and `referrerpolicy`; or one that stands inside, also in a `<picture>`.
 * That one is there before scripts are, and without them; one that is made takes its room when the script has run,
 * unless a style sheet keeps it free, or the script has the attribute `blocking="render"`.
 *
 * `model`, `engine` and `budget` say how, as `data-upscale`, `data-upscale-engine` and `data-upscale-budget` (in
 * seconds, 10 by default) do on an `<img>`. Style sheets know its state as `:state(loading)`, `:state(sharp)` and
 * `:state(skipped)`, and by the attribute `state`; that of an `<img>` is in `data-upscale-state`, with
 * `data-upscale-reason`.
 */
export class UprezImg extends HTMLElement {
  /** The `<img>` that is shown, if there is one yet. */
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
