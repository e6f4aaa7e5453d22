/** `import "uprez/solid"`: types of `<img data-upscale="">` and `<uprez-img>` in Solid's JSX. */

import type { JSX as Solid } from "solid-js";
import type { UprezImg } from "../element.js";
import type { UpscaleEvent } from "../element.js";
import type { UprezImgAttributes, UpscaleAttributes } from "./attributes.js";

declare module "solid-js" {
  namespace JSX {
    interface ImgHTMLAttributes<T> extends UpscaleAttributes {}

    interface IntrinsicElements {
      "uprez-img": Solid.HTMLAttributes<UprezImg> & UprezImgAttributes;
    }

    interface CustomEvents {
      "uprez-loading": UpscaleEvent;
      "uprez-sharp": UpscaleEvent;
      "uprez-skipped": UpscaleEvent;
    }
  }
}
