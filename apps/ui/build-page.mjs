/**
 * Builds the page into dist/page: one script, one style sheet, nothing that is fetched from elsewhere.
 * `node build-page.mjs [FOLDER]`; the browser tests build it into a folder of their own.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));

/** The licences of what is bundled ask to go along with it. */
function licences(inputs) {
  const packages = new Map();
  for (const input of Object.keys(inputs)) {
    const match = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(input.split(sep).join("/"));
    if (match) packages.set(match[2], join(here, match[1]));
  }
  return [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, folder]) => {
      const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
      return `${name} ${version}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
    })
    .join(`\n${"-".repeat(80)}\n\n`);
}

/** @param outputFolder - emptied first */
export async function buildPage(outputFolder) {
  rmSync(outputFolder, { recursive: true, force: true });
  mkdirSync(outputFolder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: here,
    entryPoints: { app: "page/main.tsx" },
    outdir: relative(here, outputFolder) || ".",
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    metafile: true,
    legalComments: "none",
    logLevel: "error",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  copyFileSync(join(here, "page", "index.html"), join(outputFolder, "index.html"));
  copyFileSync(join(here, "page", "icon.svg"), join(outputFolder, "icon.svg"));
  writeFileSync(join(outputFolder, "LICENSES.txt"), licences(metafile.inputs));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await buildPage(process.argv[2] ?? join(here, "dist", "page"));
}
