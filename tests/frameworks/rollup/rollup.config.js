import resolve from "@rollup/plugin-node-resolve";
import { importMetaAssets } from "@web/rollup-plugin-import-meta-assets";

export default {
  input: "main.js",
  output: { dir: "dist", format: "es" },
  // The second one copies the files of `new URL("…", import.meta.url)`.
  plugins: [resolve(), importMetaAssets()],
};
