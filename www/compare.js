// The line between two pictures: drag it, tap, or use the keyboard.

const STEP = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 };

export class Comparison {
  #area;
  #divider;
  #percent = 50;

  constructor(area, divider) {
    this.#area = area;
    this.#divider = divider;
    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      area.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    area.addEventListener("pointermove", (event) => {
      if (area.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
    divider.addEventListener("keydown", (event) => {
      const ends = { Home: 0, End: 100 };
      const step = STEP[event.key];
      if (step === undefined && ends[event.key] === undefined) return;
      event.preventDefault();
      this.set(ends[event.key] ?? this.#percent + step);
    });
  }

  #follow(event) {
    const { left, width } = this.#area.getBoundingClientRect();
    this.set((100 * (event.clientX - left)) / width);
  }

  /** Shows this much of the picture before, in percent. */
  set(percent) {
    this.#percent = Math.min(100, Math.max(0, percent));
    this.#area.style.setProperty("--split", `${this.#percent}%`);
    this.#divider.setAttribute("aria-valuenow", String(Math.round(this.#percent)));
  }
}
