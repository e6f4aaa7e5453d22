// The window that a picture is looked at through: before and after, with zoom and place for both at once.

import { Comparison } from "./compare.js";
import { $, writeTerms } from "./dom.js";
import { downloadOne } from "./download.js";
import { watchGestures } from "./gestures.js";
import { preview } from "./helper.js";
import { duration, megapixels, sides, weight } from "./text.js";
import { View } from "./view.js";

/** What people are told. */
const ENGINES = { webgpu: "WebGPU", cpu: "CPU", "burn-webgpu": "WebGPU (Burn)", "burn-cpu": "CPU (Burn)" };

/** One step of the buttons and keys. */
const ZOOM_STEP = 1.25;

export class Viewer {
  /** The picture that is shown. */
  item = null;
  #view = new View();
  #comparison = new Comparison($("viewer"), $("divider"), $("hold"));
  /** What of it is on the canvases: the file, and its result. */
  #shown = { file: null, result: null };

  constructor() {
    watchGestures($("viewer"), $("divider"), this.#view, this.#comparison, () => this.#place());
    const actions = {
      "zoom-in": () => this.#view.zoomTo(this.#view.zoom * ZOOM_STEP),
      "zoom-out": () => this.#view.zoomTo(this.#view.zoom / ZOOM_STEP),
      "zoom-full": () => this.#view.zoomTo(1),
      "zoom-fit": () => this.#view.fit(),
    };
    for (const [id, action] of Object.entries(actions)) {
      $(id).addEventListener("click", () => {
        action();
        this.#place();
      });
    }
    $("pixels").addEventListener("click", () => {
      const on = $("viewer").classList.toggle("pixels");
      $("pixels").setAttribute("aria-pressed", String(on));
    });
    $("download").addEventListener("click", () => downloadOne(this.item));
    new ResizeObserver(() => this.#resize()).observe($("viewer"));
  }

  /** Shows a picture, and its result as soon as there is one. */
  show(item) {
    if (item === this.item) return;
    this.item?.removeEventListener("change", this.#refresh);
    this.item = item;
    item?.addEventListener("change", this.#refresh);
    this.#comparison.set(50);
    this.#refresh();
  }

  #refresh = () => {
    const { item } = this;
    const result = item?.result ?? null;
    if (item && !item.seen) return;
    if (item?.file === this.#shown.file && result === this.#shown.result) return;
    const isSame = item?.file === this.#shown.file;
    this.#shown = { file: item?.file ?? null, result };
    if (item) this.#load(item, result, isSame);
  };

  async #load(item, result, isSame) {
    const isCurrent = () => this.#shown.file === item.file && this.#shown.result === result;
    try {
      const [before, after] = await Promise.all([isSame ? null : preview(item.file), result && preview(result.blob)]);
      if (!isCurrent()) return close(before, after);
      if (before) draw($("before"), before.bitmap);
      if (after) draw($("after"), after.bitmap);
      this.#arrange(item, after ?? before, isSame);
    } catch {
      if (isCurrent()) this.#arrange(item, null, false);
    }
    if (isCurrent()) $("viewer").dataset.shows = result ? "result" : "original";
  }

  /** Puts both pictures into the same place. */
  #arrange(item, picture, isSame) {
    const { result } = item;
    const hasPicture = Boolean(picture);
    $("viewer").classList.toggle("has-result", Boolean(result) && hasPicture);
    $("viewer").classList.toggle("is-empty", !hasPicture);
    for (const id of ["divider", "hold", "download"]) $(id).hidden = !result;
    $("viewer-name").textContent = item.name;
    writeTerms($("facts"), facts(item));
    if (!hasPicture) return;
    for (const id of ["before", "after"]) {
      $(id).style.width = `${picture.width}px`;
      $(id).style.height = `${picture.height}px`;
    }
    this.#view.show(picture, isSame);
    this.#place();
  }

  #resize() {
    const { clientWidth, clientHeight } = $("viewer");
    this.#view.resize(clientWidth, clientHeight, devicePixelRatio);
    this.#place();
  }

  #place() {
    const { scale, x, y, width, height, zoom, overflows } = this.#view;
    const place = { x: `${x}px`, y: `${y}px`, width: `${width}px`, height: `${height}px`, scale };
    for (const [name, value] of Object.entries(place)) $("viewer").style.setProperty(`--${name}`, value);
    $("viewer").classList.toggle("overflows", overflows);
    $("zoom").value = `${Math.round(100 * zoom)} %`;
  }
}

function draw(canvas, bitmap) {
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  // Without a copy.
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
}

function close(...previews) {
  for (const one of previews) one?.bitmap.close();
}

function facts({ size, result, file }) {
  if (!result) return { Size: size && `${sides(size)} · ${megapixels(size)}`, File: weight(file.size) };
  return {
    Before: size && sides(size),
    Now: `${sides(result)} · ${megapixels(result)}`,
    File: weight(result.blob.size),
    Model: result.model,
    "Computed by": ENGINES[result.engine],
    Took: duration(result.ms),
  };
}
