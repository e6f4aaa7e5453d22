// Zoom and position of an image in the viewer; independent of the DOM.

/** Largest zoom, and largest when an image is fitted: device pixels per image pixel. */
const MAX_ZOOM = 16;
const MAX_FIT = 4;

export class View {
  /** CSS pixels per image pixel, and the place of the top left corner in CSS pixels. */
  scale = 1;
  x = 0;
  y = 0;
  #window = { width: 1, height: 1 };
  #image = { width: 1, height: 1 };
  /** Device pixels per CSS pixel. */
  #density = 1;
  #fitted = true;

  /** Device pixels per image pixel. */
  get zoom() {
    return this.scale * this.#density;
  }

  /** The displayed size in CSS pixels. */
  get width() {
    return this.#image.width * this.scale;
  }

  get height() {
    return this.#image.height * this.scale;
  }

  /** Whether the image is larger than the viewer. */
  get overflows() {
    // Tolerates rounding.
    return this.width > this.#window.width + 1 || this.height > this.#window.height + 1;
  }

  /** Sets the size of the viewer and the pixel density. */
  resize(width, height, density) {
    this.#window = { width, height };
    this.#density = density;
    if (this.#fitted) this.fit();
    else this.#settle();
  }

  /** Shows another image; `keep` keeps the view, for the same image in another resolution. */
  show({ width, height }, keep) {
    const ratio = this.#image.width / width;
    this.#image = { width, height };
    if (this.#fitted || !keep) return this.fit();
    this.scale *= ratio;
    this.#settle();
  }

  /** Shows the whole image. */
  fit() {
    this.scale = this.#fit();
    this.#fitted = true;
    this.#settle();
  }

  /** Sets the zoom; the point `at` in the viewer stays in place. */
  zoomTo(zoom, at = this.#middle()) {
    const scale = Math.min(MAX_ZOOM / this.#density, Math.max(this.#smallest(), zoom / this.#density));
    const ratio = scale / this.scale;
    this.x = at.x - (at.x - this.x) * ratio;
    this.y = at.y - (at.y - this.y) * ratio;
    this.scale = scale;
    this.#fitted = Math.abs(scale - this.#fit()) < 1e-9;
    this.#settle();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#settle();
  }

  #fit() {
    const { width, height } = this.#image;
    return Math.min(this.#window.width / width, this.#window.height / height, MAX_FIT / this.#density);
  }

  #smallest() {
    return Math.min(this.#fit(), 1 / this.#density);
  }

  #middle() {
    return { x: this.#window.width / 2, y: this.#window.height / 2 };
  }

  /** Centres a small image; a large one covers the viewer. */
  #settle() {
    this.x = settled(this.x, this.#window.width, this.width);
    this.y = settled(this.y, this.#window.height, this.height);
  }
}

function settled(at, window, image) {
  if (image <= window) return (window - image) / 2;
  return Math.min(0, Math.max(window - image, at));
}
