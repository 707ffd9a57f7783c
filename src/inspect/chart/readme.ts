// The charts in README.md: what stands between a chart's markers is generated.
import { briefMarkdown } from './brief.ts';
import { chart } from './charts.ts';

const MARKED = /(<!-- chart:([\w-]+) -->\n)[\s\S]*?(<!-- \/chart -->)/g;

/** The same text with each chart as it is now. Throws for the name of a chart that there is not. */
export function withCharts(markdown: string): string {
  return markdown.replace(MARKED, (_all, begin: string, name: string, end: string) => {
    const found = chart(name);
    if (found === undefined) throw new Error(`README.md: there is no chart "${name}"`);
    return `${begin}${briefMarkdown(found)}${end}`;
  });
}

/** How many charts stand in it. */
export function chartCount(markdown: string): number {
  return [...markdown.matchAll(MARKED)].length;
}
