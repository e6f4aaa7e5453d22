// The list of models, and the loaded upscaler.

import { load } from "../lib/uprez.js";
import { $, element, writeTerms } from "./dom.js";

export class Models {
  /** Model files of the user, by the value of their option. */
  #own = new Map();
  /** Engine and model of the current upscaler, and its promise. */
  #key = null;
  #upscaler = null;
  /** Replaced upscalers that may still be in use. */
  #retired = [];
  #settings;

  constructor(settings) {
    this.#settings = settings;
  }

  /** Lists the shipped models. */
  async list() {
    const response = await fetch(new URL("../models/index.json", import.meta.url));
    if (!response.ok) throw new Error(`status ${response.status}`);
    for (const { name, title, description } of await response.json()) addOption(name, title, description);
    this.describe();
  }

  /**
   * The upscaler for the current settings. One for other settings is replaced, and freed by `release`.
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

  /** Frees replaced upscalers; call this when none is in use. */
  release() {
    for (const promise of this.#retired.splice(0)) promise.then((upscaler) => upscaler.dispose(), () => {});
  }

  /** Adds a model file of the user, selects it, and returns its metadata. */
  async add(file) {
    const { engine } = this.#settings.now;
    const upscaler = await load(file, { engine });
    const value = `own:${file.name}:${file.lastModified}`;
    this.#own.set(value, file);
    $("model").querySelector(`option[value="${CSS.escape(value)}"]`)?.remove();
    const { name, scale } = upscaler.info;
    addOption(value, `${name} ×${scale} (yours)`, `Your model, from the file ${file.name}.`).selected = true;
    this.#replace(`${engine} ${value}`, Promise.resolve(upscaler));
    this.describe();
    return upscaler.info;
  }

  /** Shows the description and metadata of the selected model. */
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

  /** Forgets a failed promise so that the next call retries. */
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

/** Shows the progress of a download. Later ones, while images are upscaled, are small. */
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
    Configuration: parts(rest),
    Parameters: info.parameters?.toLocaleString("en"),
    Scales: info.scales?.map((scale) => `×${scale}`).join(", "),
    "Trained for": info.degradation,
    Data: data?.join(", "),
    Steps: steps?.toLocaleString("en"),
    Seed: seed,
    Commit: commit,
    Licence: info.licence ?? info.license,
  });
  showScores(info.scores ?? []);
}

/** A network's configuration: `width 16; kernels px 9, 1, 5`. */
function parts({ scale, ...network }) {
  const text = (value) => (Array.isArray(value) ? value.join(", ") : value);
  return Object.entries(network)
    .map(([name, value]) => `${name.replaceAll("_", " ")} ${text(value)}`)
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
