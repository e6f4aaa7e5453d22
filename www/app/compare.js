// The divider between original and result, and the button that shows the original while held.

const STEP = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 };

export class Comparison {
  #area;
  #divider;
  #percent = 50;

  /**
   * @param {HTMLElement} area gets the property `--split` and the class `holding`
   * @param {HTMLElement} divider a slider
   * @param {HTMLElement} hold a button
   */
  constructor(area, divider, hold) {
    this.#area = area;
    this.#divider = divider;
    divider.addEventListener("keydown", (event) => {
      const ends = { Home: 0, End: 100 };
      const step = STEP[event.key];
      if (step === undefined && ends[event.key] === undefined) return;
      event.preventDefault();
      // The viewer would move the image.
      event.stopPropagation();
      this.set(ends[event.key] ?? this.#percent + step);
    });
    this.#watchHold(hold);
  }

  /** Shows this much of the original, in percent. */
  set(percent) {
    this.#percent = Math.min(100, Math.max(0, percent));
    this.#area.style.setProperty("--split", `${this.#percent}%`);
    this.#divider.setAttribute("aria-valuenow", String(Math.round(this.#percent)));
  }

  /** Moves the divider to a pointer. */
  follow({ clientX }) {
    const { left, width } = this.#area.getBoundingClientRect();
    this.set((100 * (clientX - left)) / width);
  }

  #watchHold(button) {
    const hold = (held) => {
      this.#area.classList.toggle("holding", held);
      button.setAttribute("aria-pressed", String(held));
    };
    button.addEventListener("pointerdown", (event) => {
      // Keep holding when the pointer leaves the button.
      button.setPointerCapture(event.pointerId);
      hold(true);
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) button.addEventListener(end, () => hold(false));
    // A long touch would open a menu.
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    const isHoldKey = ({ key }) => key === " " || key === "Enter";
    button.addEventListener("keydown", (event) => isHoldKey(event) && hold(true));
    button.addEventListener("keyup", (event) => isHoldKey(event) && hold(false));
  }
}
