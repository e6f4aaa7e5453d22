/** `import "uprez/vue"`: types of `<img data-upscale>` and `<uprez-img>` in Vue's templates and JSX. */

import type { DefineComponent, HTMLAttributes } from "vue";
import type { UpscaleEvent } from "../element.js";
import type { UprezImgAttributes, UpscaleAttributes } from "./attributes.js";

interface Props extends HTMLAttributes, UprezImgAttributes {
  onUprezLoading?: ((event: UpscaleEvent) => void) | undefined;
  onUprezSharp?: ((event: UpscaleEvent) => void) | undefined;
  onUprezSkipped?: ((event: UpscaleEvent) => void) | undefined;
}

declare module "vue" {
  interface GlobalComponents {
    "uprez-img": DefineComponent<Props>;
  }

  // `data-upscale` in a template is `""`, but has the type boolean.
  interface ImgHTMLAttributes extends UpscaleAttributes<boolean> {}
}

declare module "vue/jsx-runtime" {
  namespace JSX {
    interface IntrinsicElements {
      "uprez-img": Props;
    }
  }
}
