/** Types that all frameworks share. */

import type { UpscaleEvent } from "../element.js";
import type { EngineChoice } from "../uprez.js";

/** Attributes of an `<img>` that is upscaled; `Bare` is the type of an attribute without a value. */
export interface UpscaleAttributes<Bare = never> {
  /** Name or URL of a model; `""` for `photo-x2`. */
  "data-upscale"?: string | Bare | undefined;
  "data-upscale-engine"?: EngineChoice | undefined;
  /** Seconds. */
  "data-upscale-budget"?: number | string | undefined;
}

/** Attributes of a `<uprez-img>`, written as in HTML. */
export interface UprezImgAttributes {
  src?: string | undefined;
  srcset?: string | undefined;
  sizes?: string | undefined;
  alt?: string | undefined;
  width?: number | string | undefined;
  height?: number | string | undefined;
  loading?: "eager" | "lazy" | undefined;
  decoding?: "async" | "auto" | "sync" | undefined;
  fetchpriority?: "auto" | "high" | "low" | undefined;
  crossorigin?: "" | "anonymous" | "use-credentials" | undefined;
  referrerpolicy?: ReferrerPolicy | undefined;
  /** Name or URL of a model; `photo-x2` by default. */
  model?: string | undefined;
  engine?: EngineChoice | undefined;
  /** Seconds. */
  budget?: number | string | undefined;
}

/** Handlers of a `<uprez-img>`'s events, where a framework takes them by the event's own name. */
export interface UpscaleHandlers {
  "onuprez-loading"?: ((event: UpscaleEvent) => void) | undefined;
  "onuprez-sharp"?: ((event: UpscaleEvent) => void) | undefined;
  "onuprez-skipped"?: ((event: UpscaleEvent) => void) | undefined;
}
