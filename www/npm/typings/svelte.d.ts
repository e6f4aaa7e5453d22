/** `import "uprez/svelte"`: types of `<img data-upscale>` and `<uprez-img>` in Svelte's templates. */

import type { HTMLAttributes } from "svelte/elements";
import type { UprezImg } from "../element.js";
import type { UprezImgAttributes, UpscaleAttributes, UpscaleHandlers } from "./attributes.js";

declare module "svelte/elements" {
  interface HTMLImgAttributes extends UpscaleAttributes<true> {}

  interface SvelteHTMLElements {
    "uprez-img": HTMLAttributes<UprezImg> & UprezImgAttributes & UpscaleHandlers;
  }
}
