// Starts the benchmark: bundles its TypeScript on the fly, builds the product if asked to measure it, and runs.
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const bundle = path.join(root, 'node_modules', '.cache', `callchart-bench-${process.pid}.mjs`);

await build({
  entryPoints: [path.join(here, 'bench.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
});
const { bench } = await import(pathToFileURL(bundle).href);
rmSync(bundle);
process.exitCode = await bench(process.argv.slice(2), { here, root });
