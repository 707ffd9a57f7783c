// Starts the benchmark: bundles its TypeScript on the fly, builds the product if asked to measure it, and runs.
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const folder = path.join(root, 'node_modules', '.cache', `callchart-bench-${process.pid}`);
const argv = process.argv.slice(2);
const program = argv.includes('--restore') ? 'restore' : 'bench';

await build({
  // the store's thread is looked for beside the program
  entryPoints: {
    [program]: path.join(here, `${program}.ts`),
    'records-worker': path.join(root, 'src/store/records-worker.ts'),
  },
  outdir: folder,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
if (program === 'restore' && !argv.includes('--no-build'))
  execFileSync(process.execPath, ['src/build.mjs'], { cwd: root, stdio: 'inherit' });
try {
  const { bench } = await import(pathToFileURL(path.join(folder, `${program}.js`)).href);
  process.exitCode = await bench(argv, { here, root });
} finally {
  rmSync(folder, { recursive: true, force: true });
}
