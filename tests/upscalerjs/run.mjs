// Upscales the PNG files of a folder by UpscalerJS's default model (×2), in Node:
//
//   npm ci --prefix tests/upscalerjs
//   node tests/upscalerjs/run.mjs INPUT OUTPUT

import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { loadLayersModel } from "@tensorflow/tfjs-layers";
import { PNG } from "pngjs";

const [input, output] = process.argv.slice(2);
if (!output) throw new Error("name a folder of PNG files and a folder to write to");

// The package exports no path to it.
const file = new URL("node_modules/@upscalerjs/default-model/models/model.json", import.meta.url);
const { modelTopology, weightsManifest } = JSON.parse(await readFile(file, "utf8"));
const parts = weightsManifest.flatMap(({ paths }) => paths);
const weights = Buffer.concat(await Promise.all(parts.map((part) => readFile(new URL(part, file)))));
const model = await loadLayersModel({
  load: async () => ({
    modelTopology,
    weightSpecs: weightsManifest.flatMap(({ weights }) => weights),
    weightData: new Uint8Array(weights).buffer,
  }),
});

await mkdir(output, { recursive: true });
for (const name of (await readdir(input)).filter((name) => name.endsWith(".png"))) {
  const { width, height, data } = PNG.sync.read(await readFile(join(input, name)));
  const result = tf.tidy(() => {
    const rgba = tf.div(tf.tensor4d(new Float32Array(data), [1, height, width, 4]), 255);
    const enlarged = model.predict(tf.slice(rgba, [0, 0, 0, 0], [-1, -1, -1, 3]));
    return tf.round(tf.mul(tf.clipByValue(enlarged, 0, 1), 255));
  });
  const [, rows, columns] = result.shape;
  const png = new PNG({ width: columns, height: rows, colorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(Uint8Array.from(await result.data()));
  await writeFile(join(output, name), PNG.sync.write(png, { colorType: 2, inputHasAlpha: false }));
  result.dispose();
  console.log(name);
}
