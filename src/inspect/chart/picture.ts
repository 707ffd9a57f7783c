// A chart laid out on paper, and its drawing as SVG. Lengths are in pixels from the upper left corner.

export interface Point {
  readonly x: number;
  readonly y: number;
}

interface Area extends Point {
  readonly width: number;
  readonly height: number;
}

/** A state, or the dot in which a state begins. */
export interface Box extends Area {
  readonly id: string;
  readonly kind: 'atomic' | 'compound' | 'parallel' | 'final' | 'initial';
  readonly title: string;
  readonly lines: readonly string[];
}

/** All arrows from one state to another. */
export interface Way {
  /** `dialog.trying>dialog.ringing`. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly points: readonly (readonly Point[])[];
  /** One for each arrow, by its id. */
  readonly labels: readonly (Point & {
    readonly id: string;
    readonly event: string;
    readonly lines: readonly string[];
  })[];
}

export interface Picture extends Area {
  readonly boxes: readonly Box[];
  readonly ways: readonly Way[];
}

/** The text's measure: DejaVu Sans Mono and its like are 0.602 em wide. */
const SIZE = 11;
const TITLE_SIZE = 14;
export const CHAR = 0.602 * SIZE;
export const LINE = 14;
export const TITLE_CHAR = 0.602 * TITLE_SIZE;
export const TITLE_LINE = 26;
export const PAD = 10;

/** Whoever shows the picture lights a state, an arrow's words or a line by giving it the class `lit`. */
const STYLE = `
.chart { font: ${SIZE}px 'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace; fill: #333; }
.chart .paper { fill: #fff; }
.chart .state > rect { fill: #f6f6fb; stroke: #6b6f9c; }
.chart .compound > rect, .chart .parallel > rect { fill: #fff; }
.chart .region > rect { fill: #fbfbfe; stroke-dasharray: 4 3; }
.chart .final > rect { stroke-width: 3; }
.chart .title { font-size: ${TITLE_SIZE}px; font-weight: bold; fill: #20223f; }
.chart .initial { fill: #20223f; }
.chart .way > path { fill: none; stroke: #8a8a99; }
.chart .arrow > rect { fill: #fff; opacity: 0.85; }
.chart .arrow .event { fill: #1c3f94; }
.chart .state.lit > rect { fill: #ffe9b3; stroke: #c77700; stroke-width: 2; }
.chart .way.lit > path { stroke: #c77700; stroke-width: 2.5; }
.chart .arrow.lit > rect { fill: #ffe9b3; opacity: 1; }
`;

export function svg(picture: Picture, title: string): string {
  const { width, height, boxes, ways } = picture;
  const parallel = new Set(boxes.filter(({ kind }) => kind === 'parallel').map(({ id }) => id));
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '<defs><marker id="chart-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#5c5c6b"/></marker></defs>',
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...boxes.map((box) => drawnBox(box, parallel.has(box.id.slice(0, box.id.lastIndexOf('.'))))),
    ...ways.map(drawnWay),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

function drawnBox(box: Box, isRegion: boolean): string {
  const { id, kind, x, y, width, height, title, lines } = box;
  if (kind === 'initial')
    return `<circle class="initial" cx="${x + width / 2}" cy="${y + height / 2}" r="${width / 2}"/>`;
  return [
    `<g class="state ${kind}${isRegion ? ' region' : ''}" id="${escaped(id)}">`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>`,
    `<text class="title" x="${x + PAD}" y="${y + 18}">${escaped(title)}</text>`,
    written(lines, x + PAD, y + TITLE_LINE),
    '</g>',
  ].join('');
}

function drawnWay({ id, from, to, points, labels }: Way): string {
  const paths = points.map(
    (line) =>
      `<path d="${line.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')}" marker-end="url(#chart-tip)"/>`,
  );
  const words = labels.map(({ id: arrow, event, x, y, lines }) => {
    const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHAR);
    const back = `<rect x="${x}" y="${y}" width="${width}" height="${lines.length * LINE}"/>`;
    return `<g class="arrow" id="${escaped(arrow)}" data-event="${escaped(event)}">${back}${written(lines, x, y, 'event')}</g>`;
  });
  return `<g class="way" id="${escaped(id)}" data-from="${escaped(from)}" data-to="${escaped(to)}">${paths.join('')}${words.join('')}</g>`;
}

function written(lines: readonly string[], x: number, y: number, first?: string): string {
  return lines
    .map((line, i) => {
      const name = i === 0 && first !== undefined ? ` class="${first}"` : '';
      const indent = line.length - line.trimStart().length;
      const left = Math.round((x + indent * CHAR) * 10) / 10;
      return `<text${name} x="${left}" y="${Math.round((y + (i + 1) * LINE - 3) * 10) / 10}">${escaped(line.trim())}</text>`;
    })
    .join('');
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
