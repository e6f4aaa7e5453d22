import { cpSync } from "node:fs";
import { build } from "esbuild";

await build({
  entryPoints: ["main.js"],
  bundle: true,
  splitting: true,
  minify: true,
  format: "esm",
  outdir: "dist/scripts",
});
// esbuild leaves `new URL("../workers/…", import.meta.url)` as it is: put the files beside the scripts' folder.
for (const folder of ["workers", "pkg", "models"]) {
  cpSync(`node_modules/uprez/${folder}`, `dist/${folder}`, { recursive: true });
}
