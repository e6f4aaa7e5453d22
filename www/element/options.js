// Reads the options of an image from its attributes.

const MODEL = "photo-x2";
const BUDGET_S = 10;

/** The name of a shipped model, or an absolute URL. */
const address = (model) => (/^[\w-]+$/.test(model) ? model : new URL(model, document.baseURI).href);

/**
 * @param {HTMLImageElement} img attributes of its <uprez-img> take precedence over its own `data-upscale-…`
 * @returns {{ model: string, engine: string, budgetMs: number, progressive: boolean }}
 */
export function options(img) {
  const host = img.closest("uprez-img");
  const read = (name, own) => host?.getAttribute(name) || img.getAttribute(own);
  const budget = Number.parseFloat(read("budget", "data-upscale-budget"));
  return {
    model: address(read("model", "data-upscale") || MODEL),
    engine: read("engine", "data-upscale-engine") || "auto",
    budgetMs: 1000 * (Number.isNaN(budget) ? BUDGET_S : budget),
    progressive: Boolean(host?.hasAttribute("progressive")) || img.hasAttribute("data-upscale-progressive"),
  };
}
