// README's table of options is made from the options. To write it anew: UPDATE_README=1 npm test
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultOf } from '../../src/cli/config-options.ts';
import { fileOnly, type Option, options } from '../../src/config/options.ts';

const README = join(import.meta.dirname, '../../README.md');
const BLOCK = /(<!-- options -->\n)[^]*?(<!-- \/options -->)/;

function row({ path, flag, takes, help, unit, ...option }: Option): string {
  const value = takes === undefined ? '' : ` ${takes}`;
  const fallback = defaultOf({ path, flag, takes, help, unit, ...option });
  const cells = [
    `\`${path}\``,
    `\`--${flag}${value}\``,
    fallback === 'empty' ? '' : `\`${fallback}\``,
    `${help}${unit === undefined ? '' : ` (plain number: ${unit})`}`,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

test("README's table of options is the one in force", () => {
  const rows = fileOnly.map(({ path, help }) => `| \`${path}\` | | | ${help} |`);
  const table = [
    '| key | flag | default | what it does |',
    '|---|---|---|---|',
    ...options.map(row),
    ...rows,
  ].join('\n');
  const readme = readFileSync(README, 'utf8');
  const right = readme.replace(BLOCK, (_, begin: string, end: string) => `${begin}${table}\n${end}`);
  if (process.env.UPDATE_README) writeFileSync(README, right);
  else expect(readme).toBe(right);
  expect(readme).toMatch(BLOCK);
});
