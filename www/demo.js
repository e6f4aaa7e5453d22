// The words of demo.html, and its switch; what sharpens is element.js alone.

/** Why a picture stays small, for people. */
const REASONS = {
  "large-enough": "shown so small that it has pixels enough",
  "save-data": "left as it is, as you asked to save data",
  "reduced-data": "left as it is, as you asked to save data",
  "little-memory": "left as it is: this device has little memory",
  "too-slow": "left as it is: this device would take too long",
  "no-simd": "left as it is: this browser is too old",
};

const pictures = [...document.querySelectorAll("img[data-upscale]")];
const button = document.querySelector("#as-served");
const progress = document.querySelector("#progress");

/** Shows files as they were served, in all of the page or in one figure. */
const asServed = (element, on) => element.classList.toggle("as-served", on);

function say({ target }, text) {
  target.closest("figure").querySelector(".state").textContent = text;
  const count = (state) => pictures.filter((img) => img.dataset.upscaleState === state).length;
  const skipped = count("skipped");
  progress.textContent = `${count("sharp")} of ${pictures.length} sharpened${skipped ? `, ${skipped} left as they are` : ""}`;
}

addEventListener("uprez-loading", (event) => say(event, "is being sharpened …"));
addEventListener("uprez-sharp", (event) => {
  const { width, height, ms, fromCache } = event.detail;
  const how = fromCache ? "kept from your last visit" : `in ${(ms / 1000).toFixed(1)} s; press and hold to compare`;
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

for (const img of pictures) {
  const figure = img.closest("figure");
  img.addEventListener("pointerdown", () => asServed(figure, true));
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    img.addEventListener(end, () => asServed(figure, false));
  }
  // A long press would open a menu over it.
  img.addEventListener("contextmenu", (event) => figure.classList.contains("as-served") && event.preventDefault());
  img.draggable = false;
}
