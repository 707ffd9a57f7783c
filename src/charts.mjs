// Brings the diagrams in README.md up to date (npm run charts); with --check only says whether they are.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What draws charts, compiled: not every Node runs TypeScript. */
export async function chartTools() {
  const outfile = `${root}node_modules/.cache/callchart/charts-${process.pid}.mjs`;
  await build({
    absWorkingDir: root,
    stdin: {
      contents: `export * from './draw.ts'; export * from './readme.ts';`,
      resolveDir: `${root}src/inspect/chart`,
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    packages: 'external',
    logLevel: 'warning',
  });
  try {
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(outfile);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { withCharts } = await chartTools();
  const readme = `${root}README.md`;
  const before = readFileSync(readme, 'utf8');
  const after = withCharts(before);
  if (process.argv.includes('--check')) {
    if (before !== after) {
      process.stderr.write('README.md shows charts that are no longer so: npm run charts\n');
      process.exitCode = 1;
    }
  } else if (before !== after) writeFileSync(readme, after);
}
