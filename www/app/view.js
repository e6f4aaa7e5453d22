// Where a picture lies in its window: zoom and place, without any element.

/** Largest zoom, and largest at which a whole picture is shown by itself: screen's pixels per picture's pixel. */
const MAX_ZOOM = 16;
const MAX_FIT = 4;

export class View {
  /** CSS pixels per pixel of the picture, and where its corner is in the window, in CSS pixels. */
  scale = 1;
  x = 0;
  y = 0;
  #window = { width: 1, height: 1 };
  #picture = { width: 1, height: 1 };
  /** The screen's pixels per CSS pixel. */
  #density = 1;
  #fitted = true;

  /** Screen's pixels per picture's pixel. */
  get zoom() {
    return this.scale * this.#density;
  }

  /** The picture's sides in CSS pixels. */
  get width() {
    return this.#picture.width * this.scale;
  }

  get height() {
    return this.#picture.height * this.scale;
  }

  /** Whether the picture is larger than its window. */
  get overflows() {
    // Less than a pixel is rounding.
    return this.width > this.#window.width + 1 || this.height > this.#window.height + 1;
  }

  /** The window has another size, or the screen another density. */
  resize(width, height, density) {
    this.#window = { width, height };
    this.#density = density;
    if (this.#fitted) this.fit();
    else this.#settle();
  }

  /** Another picture; `keep` where it is the same one in other pixels. */
  show({ width, height }, keep) {
    const ratio = this.#picture.width / width;
    this.#picture = { width, height };
    if (this.#fitted || !keep) return this.fit();
    this.scale *= ratio;
    this.#settle();
  }

  /** Shows the whole picture. */
  fit() {
    this.scale = this.#fit();
    this.#fitted = true;
    this.#settle();
  }

  /** Shows so many of the screen's pixels per pixel, and leaves the place `at` in the window where it is. */
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
    const { width, height } = this.#picture;
    return Math.min(this.#window.width / width, this.#window.height / height, MAX_FIT / this.#density);
  }

  #smallest() {
    return Math.min(this.#fit(), 1 / this.#density);
  }

  #middle() {
    return { x: this.#window.width / 2, y: this.#window.height / 2 };
  }

  /** A small picture stays in the middle, a large one covers the window. */
  #settle() {
    this.x = settled(this.x, this.#window.width, this.width);
    this.y = settled(this.y, this.#window.height, this.height);
  }
}

function settled(at, window, picture) {
  if (picture <= window) return (window - picture) / 2;
  return Math.min(0, Math.max(window - picture, at));
}
