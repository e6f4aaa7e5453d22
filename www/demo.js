// The captions and the switch of demo.html; element.js does the upscaling.

import { followUpdates } from "./app/follow-updates.js";

followUpdates();

/** Captions for the reasons of `uprez-skipped`. */
const REASONS = {
  "large-enough": "left as it is: it has enough pixels for this size",
  "save-data": "left as it is, to save data",
  "reduced-data": "left as it is, to save data",
  "little-memory": "left as it is: this device has little memory",
  "too-slow": "left as it is: this device would take too long",
  "no-simd": "left as it is: this browser is too old",
};

const images = [...document.querySelectorAll("img[data-upscale]")];
const button = document.querySelector("#as-served");
const progress = document.querySelector("#progress");

/** Shows the files as served, in the whole page or in one figure. */
const asServed = (element, on) => element.classList.toggle("as-served", on);

function say({ target }, text) {
  target.closest("figure").querySelector(".state").textContent = text;
  const count = (state) => images.filter((img) => img.dataset.upscaleState === state).length;
  const skipped = count("skipped");
  progress.textContent = `${count("sharp")} of ${images.length} sharpened${skipped ? `, ${skipped} left as they are` : ""}`;
}

addEventListener("uprez-loading", (event) => say(event, "sharpening …"));
addEventListener("uprez-sharp", (event) => {
  const { width, height, ms, fromCache } = event.detail;
  const how = fromCache ? "from the cache" : `in ${(ms / 1000).toFixed(1)} s; press and hold to compare`;
  say(event, `sharpened to ${width} × ${height}, ${how}`);
});
addEventListener("uprez-skipped", (event) => {
  say(event, REASONS[event.detail.reason] ?? `left as it is (${event.detail.reason})`);
});

button.addEventListener("click", () => {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  asServed(document.body, pressed);
});

for (const img of images) {
  const figure = img.closest("figure");
  img.addEventListener("pointerdown", () => asServed(figure, true));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    img.addEventListener(end, () => asServed(figure, false));
  }
  // A long press would open a menu.
  img.addEventListener("contextmenu", (event) => figure.classList.contains("as-served") && event.preventDefault());
  img.draggable = false;
}
