import type { SvelteHTMLElements } from "svelte/elements";
import "uprez/svelte";

export const wrong: [SvelteHTMLElements["img"], SvelteHTMLElements["uprez-img"], SvelteHTMLElements["uprez-img"]] = [
  // @ts-expect-error: there is no such engine
  { "data-upscale-engine": "gpu" },
  // @ts-expect-error: there is no such engine
  { engine: "gpu" },
  // @ts-expect-error: an attribute that does not exist
  { modle: "fast-x2" },
];
