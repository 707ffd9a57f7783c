// Starts the soak: `node test/soak/run.mjs [CALLS [HELD]]`. Bundles its TypeScript on the fly and runs with `--expose-gc`.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const here = import.meta.dirname;
const root = path.resolve(here, '../..');
const folder = path.join(root, 'node_modules/.cache', `callchart-soak-${process.pid}`);
await build({
  // the store's thread is looked for beside the program
  entryPoints: {
    soak: path.join(here, 'soak.ts'),
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
const [calls = '200000', held = '10000'] = process.argv.slice(2);
const url = pathToFileURL(path.join(folder, 'soak.js')).href;
const program = `import { soak } from ${JSON.stringify(url)}; await soak(${Number(calls)}, ${Number(held)});`;
const { status } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
  stdio: 'inherit',
});
rmSync(folder, { recursive: true, force: true });
process.exitCode = status ?? 1;
