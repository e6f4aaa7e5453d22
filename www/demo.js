// The captions and the switch of demo.html; element.js does the upscaling.

import { followUpdates } from "./app/follow-updates.js";
import { language, translated, translatePage } from "./app/words.js";

followUpdates();
translatePage();

/** Captions for the reasons of `uprez-skipped`. */
const REASONS = {
  "large-enough": translated("skipped: it has enough pixels for this size"),
  "save-data": translated("skipped, to save data"),
  "reduced-data": translated("skipped, to save data"),
  "little-memory": translated("skipped: this device has little memory"),
  "too-slow": translated("skipped: this device would take too long"),
  "no-simd": translated("skipped: this browser is too old"),
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
  const parts = [translated(`${count("sharp")} of ${images.length} sharpened`)];
  if (skipped > 0) parts.push(translated(`${skipped} skipped`));
  progress.textContent = parts.join(", ");
}

addEventListener("uprez-loading", (event) => say(event, translated("sharpening …")));
addEventListener("uprez-sharp", (event) => {
  const { width, height, ms, fromCache } = event.detail;
  const size = `${width} × ${height}`;
  const seconds = (ms / 1000).toLocaleString(language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const cached = translated(`sharpened to ${size}, from the cache`);
  say(event, fromCache ? cached : translated(`sharpened to ${size} in ${seconds} s; press and hold to compare`));
});
addEventListener("uprez-skipped", (event) => {
  say(event, REASONS[event.detail.reason] ?? translated(`skipped (${event.detail.reason})`));
});

/** Captions for the states of images that were quicker than this script. */
const STATES = { loading: translated("sharpening …"), sharp: translated("sharpened"), skipped: translated("skipped") };
for (const target of images.filter(({ dataset }) => dataset.upscaleState in STATES)) {
  say({ target }, STATES[target.dataset.upscaleState]);
}

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
