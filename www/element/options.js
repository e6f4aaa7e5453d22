// How a picture is to be made sharp, as its attributes say.

const MODEL = "fast-x2";
const BUDGET_S = 10;

/** A shipped model's name stays one; anything else is a URL, and the same one on every page. */
const address = (model) => (/^[\w-]+$/.test(model) ? model : new URL(model, document.baseURI).href);

/**
 * @param {HTMLImageElement} img whose own attributes (`data-upscale-…`) matter less than those of its <uprez-img>
 * @returns {{ model: string, engine: string, budgetMs: number }}
 */
export function options(img) {
  const host = img.closest("uprez-img");
  const read = (name, own) => host?.getAttribute(name) || img.getAttribute(own);
  const budget = Number.parseFloat(read("budget", "data-upscale-budget"));
  return {
    model: address(read("model", "data-upscale") || MODEL),
    engine: read("engine", "data-upscale-engine") || "auto",
    budgetMs: 1000 * (Number.isNaN(budget) ? BUDGET_S : budget),
  };
}
