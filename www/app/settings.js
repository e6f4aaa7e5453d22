// What people choose, remembered for the next time.

import { $ } from "./dom.js";

const KEY = "uprez-settings";

/** Fields by their names in storage. */
const FIELDS = ["model", "engine", "size", "amount", "type", "quality", "auto"];

/** What an amount means, by the choice of size: label, bounds, step, and a value to begin with. */
const AMOUNTS = {
  factor: { label: "Factor", min: 0.1, max: 16, step: 0.1, start: 2 },
  width: { label: "Width in pixels", min: 1, max: 65535, step: 1, start: 1920 },
  height: { label: "Height in pixels", min: 1, max: 65535, step: 1, start: 1080 },
  longest: { label: "Longest side in pixels", min: 1, max: 65535, step: 1, start: 2048 },
};

/** Formats that keep less than everything. */
const LOSSY = ["image/jpeg", "image/webp"];

/** The form; `change` is fired when something else is chosen. */
export class Settings extends EventTarget {
  /** The last amount that was one. */
  #amount = AMOUNTS.factor.start;

  constructor() {
    super();
    this.#remember();
    $("settings").addEventListener("submit", (event) => event.preventDefault());
    $("settings").addEventListener("input", ({ target }) => {
      if (target === $("size")) this.#offerAmount(true);
      this.#changed();
    });
    this.#changed();
    this.#offerWebp();
  }

  /** The settings as they are now: `{ model, engine, target, type, quality, auto }`. */
  get now() {
    return {
      model: $("model").value,
      engine: $("engine").value,
      target: this.#target(),
      type: $("type").value,
      quality: $("quality").valueAsNumber / 100,
      auto: $("auto").checked,
    };
  }

  /** Tells apart what would give different results. */
  get key() {
    const { auto, ...rest } = this.now;
    if (!LOSSY.includes(rest.type)) delete rest.quality;
    return JSON.stringify(rest);
  }

  /** Chooses the model that was used the last time, once the list is there. */
  restoreModel() {
    const { model } = stored();
    if (model && [...$("model").options].some(({ value }) => value === model)) $("model").value = model;
  }

  /** Says that something was chosen by other means than by hand. */
  touch() {
    this.#changed();
  }

  #target() {
    const size = $("size").value;
    if (size === "model") return {};
    if (!AMOUNTS[size]) return { scale: Number(size) };
    const amount = this.#amount;
    if (size === "factor") return { scale: amount };
    if (size === "longest") return { width: amount, height: amount, fit: "inside" };
    return { [size]: amount };
  }

  #changed() {
    this.#offerAmount(false);
    $("quality-row").hidden = !LOSSY.includes($("type").value);
    $("quality-value").value = `${$("quality").value} %`;
    const value = (field) => (field === "auto" ? $(field).checked : $(field).value);
    const values = Object.fromEntries(FIELDS.map((field) => [field, value(field)]));
    try {
      // Before the list of models is there, the last choice stays.
      localStorage.setItem(KEY, JSON.stringify({ ...values, model: values.model || stored().model }));
    } catch {
      // Storage is full or refused: the next visit begins with the defaults.
    }
    this.dispatchEvent(new Event("change"));
  }

  #offerAmount(fresh) {
    const amount = AMOUNTS[$("size").value];
    $("amount-row").hidden = !amount;
    if (!amount) return;
    const { label, start, ...bounds } = amount;
    $("amount-label").textContent = label;
    Object.assign($("amount"), bounds);
    if (fresh) $("amount").value = start;
    $("amount-hint").textContent = `From ${amount.min} to ${amount.max}`;
    this.#amount = $("amount").validity.valid ? $("amount").valueAsNumber || start : this.#amount;
  }

  #remember() {
    for (const [field, value] of Object.entries(stored())) {
      // The list of models comes later.
      if (!FIELDS.includes(field) || field === "model") continue;
      if (field === "auto") {
        $(field).checked = value !== false;
        continue;
      }
      const before = $(field).value;
      $(field).value = value;
      // A choice that is offered no more.
      if (!$(field).value) $(field).value = before;
    }
  }

  async #offerWebp() {
    let encodes = false;
    try {
      const canvas = new OffscreenCanvas(1, 1);
      canvas.getContext("2d");
      const blob = await canvas.convertToBlob({ type: "image/webp" });
      encodes = blob.type === "image/webp";
    } catch {
      // Neither does it, then.
    }
    if (encodes) return;
    const isChosen = $("type").value === "image/webp";
    $("type").querySelector("option[value='image/webp']").remove();
    if (isChosen) this.#changed();
  }
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY));
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}
