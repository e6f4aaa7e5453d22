// Uses the package in a project with strict types.

import { load, preload, UprezError, type Download, type Estimate, type Progress, type Tile, type Upscaler, type Warning } from "uprez";
import "uprez/element";
import type { UpscaleEvent } from "uprez/element";

declare global {
  interface Window {
    sharpen: (url: string) => Promise<unknown>;
    burn: (url: string) => Promise<string>;
    importBurn: () => Promise<unknown>;
  }
}

document.addEventListener("uprez-sharp", (event) => {
  const { width } = (event as UpscaleEvent).detail;
  document.title = `sharp: ${width ?? 0}`;
});

window.sharpen = async (url) => {
  const downloads: Download[] = [];
  const steps: Progress[] = [];
  const warnings: Warning[] = [];
  const tiles: Tile[] = [];
  await preload("fast-x2", { engine: "cpu", onDownload: (download) => downloads.push(download) });
  const upscaler: Upscaler = await load("fast-x2", { engine: "cpu" });
  const estimate: Estimate = await upscaler.estimate({ width: 20, height: 10 }, { scale: 1.5 });
  const image: ImageData = await upscaler.upscale(url, {
    onProgress: (progress) => steps.push(progress),
    onWarning: (warning) => warnings.push(warning),
  });
  const file: Blob = await upscaler.upscale(url, { as: "blob", type: "image/webp", quality: 0.9, width: 55 });
  const bitmap: ImageBitmap = await upscaler.upscale(image, { as: "bitmap", priority: "background" });
  const size: { width: number; height: number } = await upscaler.upscale(url, {
    as: "tiles",
    width: 70,
    onTile: (tile) => tiles.push(tile),
  });
  const kept: Blob = await upscaler.upscale(url, { as: "blob", metadata: "keep", colorSpace: "display-p3" });
  const refused = await upscaler.upscale(url, { scale: 1e6 }).catch((error: unknown) => error);
  upscaler.dispose();
  return {
    engine: upscaler.engine,
    scale: upscaler.info.scale,
    passes: estimate.passes,
    downloads: downloads.length,
    steps: steps.length,
    rows: tiles.reduce((sum, { height }) => sum + height, 0) / size.height,
    kept: kept.type,
    warnings: warnings.length,
    type: file.type,
    sides: [bitmap.width, bitmap.height],
    code: refused instanceof UprezError ? refused.code : null,
    width: image.width,
    height: image.height,
    data: Array.from(image.data),
  };
};

window.burn = async (url) => {
  const upscaler = await load("fast-x2", { engine: "burn-cpu" });
  const { width } = await upscaler.upscale(url);
  return `${upscaler.engine} ${width}`;
};

window.importBurn = () => import("uprez-burn");
