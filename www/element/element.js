// Upscales every <img data-upscale> and <uprez-img> of a page in place.
//
//   <script type="module" src="/uprez/element.js"></script>
//   <img src="small.jpg" data-upscale width="800" height="600" alt="…">
//
// The <img> keeps its attributes; the CSS property `content` shows the upscaled image. The library is fetched when the
// first image needs it. Importing this on a server does nothing. Attributes and events are documented in element.d.ts.

import { UprezImg } from "./uprez-img.js";
import { observeDocument } from "./observe.js";

export { UprezImg };

if (globalThis.document && !customElements.get("uprez-img")) {
  // Before watching, so that an <img> inside a <uprez-img> is registered by its element.
  customElements.define("uprez-img", UprezImg);
  observeDocument();
}
