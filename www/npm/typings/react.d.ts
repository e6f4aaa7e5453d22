/** `import "uprez/react"`: types of `<img data-upscale="">` and `<uprez-img>` in React's JSX. */

import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { UprezImg } from "../element.js";
import type { UprezImgAttributes, UpscaleAttributes, UpscaleHandlers } from "./attributes.js";

type Props = DetailedHTMLProps<HTMLAttributes<UprezImg>, UprezImg> & UprezImgAttributes & UpscaleHandlers;

declare module "react" {
  interface ImgHTMLAttributes<T> extends UpscaleAttributes {}

  namespace JSX {
    interface IntrinsicElements {
      "uprez-img": Props;
    }
  }
}
