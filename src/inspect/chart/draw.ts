// Draws every chart as SVG. The build runs it; the command line and the pages only read what it wrote.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allCharts } from './charts.ts';
import { layOut } from './layout.ts';
import { svg } from './picture.ts';

/** Writes NAME.svg for each chart into the folder. */
export async function drawCharts(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const chart of allCharts()) {
    writeFileSync(
      join(folder, `${chart.name}.svg`),
      svg(await layOut(chart), `${chart.name}: ${chart.about}`),
    );
  }
}
