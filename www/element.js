// One script tag: <img data-upscale> and <uprez-img> are sharpened in place.
//
//   <script type="module" src="/uprez/element.js"></script>
//   <img src="small.jpg" data-upscale width="800" height="600" alt="…">
//
// The <img> stays as it is: `content` in its style shows the sharp picture. What upscales is fetched once there is
// something to do. Importing this on a server does nothing. Attributes and events stand in element.d.ts.

import { UprezImg } from "./element/uprez-img.js";
import { watchDocument } from "./element/watch.js";

export { UprezImg };

if (globalThis.document && !customElements.get("uprez-img")) {
  // First, so that pictures in <uprez-img> know their element.
  customElements.define("uprez-img", UprezImg);
  watchDocument();
}
