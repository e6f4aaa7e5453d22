// The settings form, kept in localStorage.

import { $ } from "./dom.js";
import { translated } from "./words.js";

const KEY = "uprez-settings";

/** Ids of the fields, also their keys in storage. */
const FIELDS = ["model", "engine", "size", "amount", "type", "quality", "metadata", "auto"];

/** The amount field for each choice of size: label, bounds, step, and first value. */
const AMOUNTS = {
  factor: { label: translated("Factor"), min: 0.1, max: 16, step: 0.1, start: 2 },
  width: { label: translated("Width in pixels"), min: 1, max: 65535, step: 1, start: 1920 },
  height: { label: translated("Height in pixels"), min: 1, max: 65535, step: 1, start: 1080 },
  longest: { label: translated("Longest side in pixels"), min: 1, max: 65535, step: 1, start: 2048 },
};

const DEFAULT_SIZE = "2";

/** Formats with a quality. */
const LOSSY = ["image/jpeg", "image/webp"];

/** The form; fires `change` when a field changes. */
export class Settings extends EventTarget {
  /** The last valid amount. */
  #amount = AMOUNTS.factor.start;

  constructor() {
    super();
    this.#remember();
    $("settings").addEventListener("submit", (event) => event.preventDefault());
    $("settings").addEventListener("input", ({ target }) => {
      if (target === $("size")) this.#offerAmount(true);
      if (target === $("model")) this.offerModelScale();
      this.#changed();
    });
    this.#changed();
    this.#offerWebp();
    // Choices of an earlier visit must be seen.
    const isChanged = ({ selectedIndex, checked, defaultChecked }) => selectedIndex > 0 || checked !== defaultChecked;
    $("more").open = [...$("more").querySelectorAll("select, input")].some(isChanged);
  }

  /** The current settings: `{ model, engine, target, type, quality, metadata, auto }`. */
  get now() {
    return {
      model: $("model").value,
      engine: $("engine").value,
      target: this.#target(),
      type: $("type").value,
      quality: $("quality").valueAsNumber / 100,
      metadata: $("metadata").value,
      auto: $("auto").checked,
    };
  }

  /** A key that differs whenever results would differ. */
  get key() {
    const { auto, ...rest } = this.now;
    if (!LOSSY.includes(rest.type)) delete rest.quality;
    return JSON.stringify(rest);
  }

  /** Selects the model of the last visit; call this when the list is filled. */
  restoreModel() {
    const { model } = stored();
    if (model && [...$("model").options].some(({ value }) => value === model)) $("model").value = model;
    this.offerModelScale();
  }

  /** Offers the scale of the model as the size while the model is one of the user's, and selects it. */
  offerModelScale() {
    const isOwn = $("model").selectedOptions[0]?.parentElement instanceof HTMLOptGroupElement;
    const option = $("size").querySelector("option[value='model']");
    const isNew = isOwn && option.hidden;
    option.hidden = option.disabled = !isOwn;
    if (isNew) $("size").value = "model";
    // Also when it is from the last visit, with another model.
    if (!isOwn && $("size").value === "model") $("size").value = DEFAULT_SIZE;
  }

  /** Handles a change that was made by a script. */
  touch() {
    this.offerModelScale();
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
      // Until the list of models is filled, keep the stored one.
      localStorage.setItem(KEY, JSON.stringify({ ...values, model: values.model || stored().model }));
    } catch {
      // Storage is full or refused.
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
    $("amount-hint").textContent = translated(`From ${amount.min} to ${amount.max}`);
    this.#amount = $("amount").validity.valid ? $("amount").valueAsNumber || start : this.#amount;
  }

  #remember() {
    for (const [field, value] of Object.entries(stored())) {
      // See `restoreModel`.
      if (!FIELDS.includes(field) || field === "model") continue;
      if (field === "auto") {
        $(field).checked = value !== false;
        continue;
      }
      const before = $(field).value;
      $(field).value = value;
      // This choice no longer exists.
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
      // Treated as no WebP.
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
