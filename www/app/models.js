// The models that can be chosen, and the upscaler that is in use.

import { load } from "../lib/uprez.js";
import { $, element, writeTerms } from "./dom.js";

export class Models {
  /** Files that were dropped in, by the value of their option. */
  #own = new Map();
  /** What the settings ask for, and the promise of it. */
  #key = null;
  #upscaler = null;
  /** What is replaced, but may be at work. */
  #retired = [];
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  /** Fills the list with the shipped ones. */
  async list() {
    const response = await fetch(new URL("../models/index.json", import.meta.url));
    if (!response.ok) throw new Error(`status ${response.status}`);
    for (const { name, title, description } of await response.json()) addOption(name, title, description);
    this.describe();
  }

  /**
   * The upscaler for the settings as they are now. The same settings have the same one; that of other settings is
   * freed by `release`.
   */
  upscaler() {
    const { model, engine } = this.#settings.now;
    const key = `${engine} ${model}`;
    if (key !== this.#key) {
      const source = this.#own.get(model) ?? model;
      this.#replace(key, whileShowing((onDownload) => load(source, { engine, onDownload })));
      this.#upscaler.then(() => this.describe(), () => this.#forget(key));
    }
    return this.#upscaler;
  }

  /** Frees what was replaced; to be called when none of it is at work. */
  release() {
    for (const promise of this.#retired.splice(0)) promise.then((upscaler) => upscaler.dispose(), () => {});
  }

  /** Takes a record of one's own, chooses it, and returns its metadata. */
  async add(file) {
    const { engine } = this.#settings.now;
    const upscaler = await load(file, { engine });
    const value = `own:${file.name}:${file.lastModified}`;
    this.#own.set(value, file);
    $("model").querySelector(`option[value="${CSS.escape(value)}"]`)?.remove();
    const { name, scale } = upscaler.info;
    addOption(value, `${name} ×${scale} (yours)`, `Your own, from the file ${file.name}.`).selected = true;
    this.#replace(`${engine} ${value}`, Promise.resolve(upscaler));
    this.describe();
    return upscaler.info;
  }

  /** Shows what is known of the chosen model. */
  async describe() {
    $("model-description").textContent = $("model").selectedOptions[0]?.dataset.description ?? "";
    const { model, engine } = this.#settings.now;
    const isLoaded = this.#key === `${engine} ${model}`;
    const upscaler = isLoaded ? await this.#upscaler.catch(() => null) : null;
    $("model-details").hidden = !upscaler;
    if (upscaler) showDetails(upscaler.info);
  }

  #replace(key, promise) {
    if (this.#upscaler) this.#retired.push(this.#upscaler);
    this.#key = key;
    this.#upscaler = promise;
  }

  /** Whoever asks next may have more luck. */
  #forget(key) {
    if (this.#key === key) this.#key = this.#upscaler = null;
  }
}

function addOption(value, title, description) {
  const option = new Option(title, value);
  option.dataset.description = description;
  $("model").add(option);
  return option;
}

/** Shows how much of what is loaded is here; what is fetched later, while pictures are worked on, is small. */
async function whileShowing(work) {
  const bar = $("download-progress");
  let isOver = false;
  const show = ({ loaded, total }) => {
    bar.hidden = isOver;
    if (total > 0) Object.assign(bar, { max: total, value: loaded });
  };
  try {
    return await work(show);
  } finally {
    isOver = true;
    bar.hidden = true;
  }
}

function showDetails(info) {
  const { kind, ...rest } = info.network ?? {};
  const { steps, data, commit, seed } = info.origin ?? {};
  writeTerms($("model-terms"), {
    Name: info.name,
    Network: kind,
    "Built of": parts(rest),
    Parameters: info.parameters?.toLocaleString("en"),
    Enlarges: info.scales?.map((scale) => `×${scale}`).join(", "),
    "Trained for": info.degradation,
    Data: data?.join(", "),
    Steps: steps?.toLocaleString("en"),
    Seed: seed,
    Commit: commit,
    Licence: info.licence ?? info.license,
  });
  showScores(info.scores ?? []);
}

/** A network's own words: `width 16; kernels px 9, 1, 5`. */
function parts({ scale, ...network }) {
  const said = (value) => (Array.isArray(value) ? value.join(", ") : value);
  return Object.entries(network)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${said(value)}`)
    .join("; ");
}

function showScores(scores) {
  $("model-scores").hidden = scores.length === 0;
  const cell = (text) => element("td", { textContent: text });
  const rows = scores.map((score) =>
    element(
      "tr",
      {},
      element("th", { scope: "row", textContent: score.set }),
      cell(score.psnr_y?.toFixed(2)),
      cell(score.ssim_y?.toFixed(4)),
      cell(score.bicubic_psnr_y?.toFixed(2)),
      cell(score.bicubic_ssim_y?.toFixed(4)),
    ),
  );
  $("model-scores").querySelector("tbody").replaceChildren(...rows);
}
