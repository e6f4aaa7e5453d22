// Shows original and result of an image, both with the same zoom and position.

import { Comparison } from "./compare.js";
import { $, writeTerms } from "./dom.js";
import { canCopy, canShare, copyOne, downloadOne, shareOne } from "./download.js";
import { compressionFact, duration, megapixels, sides, weight } from "./format.js";
import { watchGestures } from "./gestures.js";
import { LiveTiles } from "./live-tiles.js";
import { View } from "./view.js";
import { translated } from "./words.js";
import { preview } from "./worker.js";

const ENGINES = { webgpu: "WebGPU", cpu: "CPU", "burn-webgpu": "WebGPU (Burn)", "burn-cpu": "CPU (Burn)" };

const NOTHING = { file: null, result: null, hasBefore: false };

/** Factor of one step of the zoom buttons. */
const ZOOM_STEP = 1.25;

export class Viewer {
  /** The image that is shown. */
  item = null;
  #view = new View();
  #comparison = new Comparison($("viewer"), $("divider"), $("hold"));
  /** The file and result on the canvases. */
  #shown = NOTHING;
  #loading = false;
  #tiles = new LiveTiles($("tiles"));

  /** @param {(error: Error) => void} fail */
  constructor(fail) {
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
    const copied = () => ($("status").textContent = translated("The result is in the clipboard."));
    $("copy").addEventListener("click", () => copyOne(this.item).then(copied, fail));
    $("share").addEventListener("click", () => shareOne(this.item).catch(fail));
    new ResizeObserver(() => this.#resize()).observe($("viewer"));
  }

  /** Shows an image, and its result as soon as there is one; null for none. */
  show(item) {
    if (item === this.item) return;
    this.item?.removeEventListener("change", this.#load);
    this.item?.removeEventListener("tile", this.#paint);
    this.#tiles.clear();
    this.item = item;
    item?.addEventListener("change", this.#load);
    item?.addEventListener("tile", this.#paint);
    this.#comparison.set(50);
    if (item) this.#load();
    else this.#clear();
  }

  #paint = ({ detail, target }) => this.#tiles.paint(detail, target.estimate);

  /** Decodes one image at a time, and only the latest that was chosen. */
  #load = async () => {
    // Those of the attempt that has ended; those of a result are shown until it is decoded.
    if (!["working", "done"].includes(this.item?.state)) this.#tiles.clear();
    if (this.#loading) return;
    this.#loading = true;
    while (this.#isBehind()) await this.#draw(this.item, this.item.result);
    this.#loading = false;
  };

  #isBehind() {
    const { item } = this;
    return Boolean(item?.seen) && (item.file !== this.#shown.file || item.result !== this.#shown.result);
  }

  async #draw(item, result) {
    const isSame = item.file === this.#shown.file;
    const [before, after] = await Promise.all([
      isSame ? null : preview(item.file).catch(() => null),
      result && preview(result.blob).catch(() => null),
    ]);
    if (item !== this.item) return close(before, after);
    if (before) put($("before"), before.bitmap);
    if (after) put($("after"), after.bitmap);
    if (result) this.#tiles.clear();
    const hasBefore = isSame ? this.#shown.hasBefore : Boolean(before);
    this.#shown = { file: item.file, result, hasBefore };
    this.#arrange(item, hasBefore ? (after ?? before) : null, isSame, Boolean(after));
    $("viewer").dataset.shows = after ? "result" : "original";
  }

  /** Frees the canvases. */
  #clear() {
    this.#shown = NOTHING;
    for (const id of ["before", "after"]) put($(id), null);
  }

  /** Lays both canvases over each other. */
  #arrange(item, image, isSame, hasAfter) {
    const { result } = item;
    const hasImage = Boolean(image);
    $("viewer").classList.toggle("has-result", hasAfter && hasImage);
    $("viewer").classList.toggle("is-empty", !hasImage);
    for (const id of ["divider", "hold"]) $(id).hidden = !hasAfter;
    $("download").hidden = !result;
    $("copy").hidden = !(result && canCopy());
    $("share").hidden = !(result && canShare(item));
    $("viewer-name").textContent = item.name;
    writeTerms($("facts"), facts(item));
    if (!hasImage) return;
    for (const id of ["before", "tiles", "after"]) {
      $(id).style.width = `${image.width}px`;
      $(id).style.height = `${image.height}px`;
    }
    this.#view.show(image, isSame);
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

/** Moves a bitmap to a canvas, without a copy; null empties it. */
function put(canvas, bitmap) {
  canvas.width = bitmap?.width ?? 1;
  canvas.height = bitmap?.height ?? 1;
  canvas.getContext("bitmaprenderer").transferFromImageBitmap(bitmap);
}

function close(...previews) {
  for (const one of previews) one?.bitmap.close();
}

function facts({ size, result, file, compressed, blocky }) {
  const format = compressed && compressionFact(compressed, blocky);
  if (!result) return { Size: size && `${sides(size)} · ${megapixels(size)}`, File: weight(file.size), Format: format };
  return {
    Original: size && sides(size),
    "Original's format": format,
    Result: `${sides(result)} · ${megapixels(result)}`,
    File: weight(result.blob.size),
    Model: result.model,
    Engine: ENGINES[result.engine],
    Time: duration(result.ms),
  };
}
