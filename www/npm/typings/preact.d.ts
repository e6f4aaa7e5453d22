/** `import "uprez/preact"`: types of `<img data-upscale="">` and `<uprez-img>` in Preact's JSX. */

import type { HTMLAttributes } from "preact";
import type { UprezImg } from "../element.js";
import type { UprezImgAttributes, UpscaleAttributes, UpscaleHandlers } from "./attributes.js";

type Props = Omit<HTMLAttributes<UprezImg>, keyof UprezImgAttributes> & UprezImgAttributes & UpscaleHandlers;

declare module "preact" {
  interface PartialImgHTMLAttributes<T extends EventTarget> extends UpscaleAttributes {}

  namespace JSX {
    interface IntrinsicElements {
      "uprez-img": Props;
    }
  }
}
