// `callchart machines`: the charts by which calls live, as pictures or as data.
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { StartError } from '../config/start-error.ts';
import { briefMarkdown } from '../inspect/chart/brief.ts';
import { type Chart, statesOf } from '../inspect/chart/chart.ts';
import { allCharts, chart, chartNames } from '../inspect/chart/charts.ts';
import { mermaid } from '../inspect/chart/mermaid.ts';

type Format = 'mermaid' | 'json' | 'svg';

interface MachinesFlags {
  readonly format?: Format;
  readonly brief?: true;
}

export function machinesCommand(): Command {
  return new Command('machines')
    .description('print the charts by which calls live, or list them')
    .argument('[NAME]', `which chart: ${chartNames.join(', ')}`)
    .addOption(
      new Option('--format <FORMAT>', 'how it is written (default: mermaid)').choices([
        'mermaid',
        'json',
        'svg',
      ]),
    )
    .option('--brief', 'only states and events, as Markdown with small Mermaid diagrams')
    .addHelpText('after', HELP)
    .action((name: string | undefined, flags: MachinesFlags) => {
      process.stdout.write(printed(name, flags));
    });
}

const HELP = `
The arrows say: event [guard] / effects (source). An arrow without a target is
in the box of its state. In the SVG a state's id is its path, such as
dialog.confirmed.media.video, and an arrow's is state:event:guard.`;

function printed(name: string | undefined, { format, brief }: MachinesFlags): string {
  if (name === undefined) {
    if (format === 'json') return json(allCharts());
    if (format === undefined && !brief) return listed(allCharts());
    throw new StartError('usage', `which chart? there are ${chartNames.join(', ')}`);
  }
  const found = chart(name);
  if (found === undefined)
    throw new StartError('usage', `there is no chart "${name}"; there are ${chartNames.join(', ')}`);
  if (brief) {
    if (format !== undefined && format !== 'mermaid')
      throw new StartError('usage', '--brief is written as Mermaid; leave --format out');
    return briefMarkdown(found);
  }
  if (format === 'svg') return drawn(name);
  return format === 'json' ? json(found) : mermaid(found);
}

function listed(charts: readonly Chart[]): string {
  const width = Math.max(...chartNames.map((name) => name.length));
  const lines = charts.map((one) => {
    const states = statesOf(one.root).filter(({ kind }) => kind === 'atomic' || kind === 'final').length;
    return `${one.name.padEnd(width)}  ${states} states, ${one.arrows.length} arrows: ${one.about}\n`;
  });
  return lines.join('');
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}

/** The build drew it beside the program. */
function drawn(name: string): string {
  const path = new URL(`charts/${name}.svg`, import.meta.url);
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new StartError('usage', `${path.pathname} is not there; the build draws it: npm run build`, {
      cause,
    });
  }
}
