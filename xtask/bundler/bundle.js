// Bundles scripts with Rolldown. Reads a list of jobs as JSON from standard input, and prints a list of the written
// modules for each. Started by xtask/src/bundle.rs, which documents the fields.

import { readFileSync } from "node:fs";
import { rolldown } from "rolldown";

/** URLs of files in the site's folders; all modules lie one folder below the site's root, before and after. */
const ADDRESS = /new URL\("\.\.\/([^"]+)", import\.meta\.url\)/g;

async function bundle({ entries, folder, entry_names, chunk_names, whole, renamed, replaced }) {
  const unused = new Set(Object.keys(renamed));
  const files = {
    name: "files",
    load: (id) => (id in replaced ? readFileSync(replaced[id], "utf8") : null),
    transform: (code) =>
      code
        .replace("const HASHED = {};", `const HASHED = ${JSON.stringify(renamed)};`)
        .replace(ADDRESS, (address, path) => {
          unused.delete(path);
          return `new URL("../${renamed[path] ?? path}", import.meta.url)`;
        }),
  };
  /** The exports of each entry's script, by its path. */
  const names = new Map();
  /** The paths of a script and of all that it imports statically, by its path. */
  const imports = new Map();
  const graph = {
    name: "graph",
    buildEnd() {
      for (const path of Object.values(entries)) names.set(path, this.getModuleInfo(path).exports);
      for (const script of [...Object.values(entries), ...Object.values(whole).flat()]) {
        const paths = new Set([script]);
        for (const path of paths) this.getModuleInfo(path).importedIds.forEach((id) => paths.add(id));
        imports.set(script, paths);
      }
    },
  };
  const groups = Object.entries(whole).flatMap(([name, others]) => {
    const isPart = (path) => imports.get(entries[name]).has(path);
    const isShared = (path) => others.some((other) => imports.get(other).has(path));
    return [
      { name, test: (path) => isPart(path) && !isShared(path) },
      { name: "shared", test: (path) => isPart(path) && isShared(path) },
    ];
  });
  /** As bundlers of other projects look for it. */
  const plain = {
    name: "plain",
    generateBundle(_, chunks) {
      for (const chunk of Object.values(chunks)) {
        chunk.code = chunk.code
          .replace(/new URL\(`([^`$]+)`,import\.meta\.url\)/g, 'new URL("$1",import.meta.url)')
          .replaceAll("{type:`module`}", '{type:"module"}');
      }
    },
  };
  const warnings = [];
  const build = await rolldown({
    input: entries,
    plugins: [files, graph, plain],
    // Entries may export to other modules what these share with them, or each would need a module in between.
    preserveEntrySignatures: "allow-extension",
    onLog: (level, log) => level === "warn" && warnings.push(log.message),
  });
  const { output } = await build.write({
    dir: folder,
    format: "esm",
    minify: true,
    comments: false,
    entryFileNames: entry_names,
    chunkFileNames: chunk_names || undefined,
    ...(groups.length > 0 && { codeSplitting: { includeDependenciesRecursively: false, groups } }),
  });
  if (unused.size > 0) warnings.push(`no module has the address of ${[...unused].join(", ")}`);
  if (warnings.length > 0) throw new Error(warnings.join("\n"));
  return output.map(({ name, fileName, isEntry, imports, facadeModuleId }) => ({
    entry: isEntry ? name : null,
    file: fileName,
    imports,
    exports: isEntry ? names.get(facadeModuleId) : [],
  }));
}

const jobs = JSON.parse(readFileSync(0, "utf8"));
const written = [];
for (const job of jobs) written.push(await bundle(job));
console.log(JSON.stringify(written));
