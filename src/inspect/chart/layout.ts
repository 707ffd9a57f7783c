// Where everything of a chart stands on paper. Only the build runs this: it is the one place that needs elkjs.
import { createRequire } from 'node:module';
import type { ELK, ElkNode, ElkShape, LayoutOptions } from 'elkjs';
import { type Arrow, borderOf, type Chart, type ChartState } from './chart.ts';
import { rfcWords, stateLines } from './mermaid.ts';
import type { Box, Picture, Point, Way } from './picture.ts';
import { CHAR, LINE, PAD, TITLE_CHAR, TITLE_LINE } from './picture.ts';

/** Characters in a line of text. */
const BOX_WIDTH = 58;
const LABEL_WIDTH = 44;
const DOT = 12;
const NBSP = '\u00a0';

/** Nothing is inherited: each level says it. */
const spacing: LayoutOptions = {
  'elk.layered.spacing.nodeNodeBetweenLayers': '28',
  'elk.layered.spacing.edgeNodeBetweenLayers': '14',
  'elk.spacing.nodeNode': '28',
  'elk.spacing.edgeNode': '14',
  'elk.spacing.edgeLabel': '4',
};

const whole: LayoutOptions = {
  ...spacing,
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.shapeCoords': 'ROOT',
  'elk.json.edgeCoords': 'ROOT',
};

// its types know a default export that Node does not see
const Elk: new () => ELK = createRequire(import.meta.url)('elkjs/lib/elk.bundled.js');

export async function layOut(chart: Chart): Promise<Picture> {
  const texts = new Map<string, Text>();
  const node = nodeOf(chart.root, chart, texts);
  const ways = waysOf(chart);
  const initials = [...initialsOf(chart.root)];
  const laid = await new Elk().layout({
    id: 'paper',
    layoutOptions: whole,
    children: [node],
    edges: [
      ...initials.map(({ from, to }) => ({ id: `${from}>${to}`, sources: [from], targets: [to] })),
      ...ways.map(({ id, from, to, arrows, back }) => ({
        id,
        sources: [back ? to : from],
        targets: [back ? from : to],
        labels: [
          {
            text: id,
            ...sizeOf(arrows.flatMap((arrow) => arrowLines(arrow, to))),
            layoutOptions: { 'elk.edgeLabels.inline': 'true' },
          },
        ],
      })),
    ],
  });
  return pictureOf(laid, texts, ways);
}

interface Text {
  readonly state: ChartState | undefined;
  readonly lines: readonly string[];
}

interface PlannedWay {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly arrows: readonly Arrow[];
  /** It leads back up to where the call has been: laid out as if it came from there. */
  readonly back: boolean;
}

function nodeOf(state: ChartState, chart: Chart, texts: Map<string, Text>): ElkNode {
  const lines = stateLines(state, chart).flatMap((line) => wrapped(line, BOX_WIDTH));
  texts.set(state.id, { state, lines });
  const text = sizeOf(lines);
  const width = Math.max(state.name.length * TITLE_CHAR, text.width) + 2 * PAD;
  const height = TITLE_LINE + text.height + PAD;
  if (state.states.length === 0) return { id: state.id, width, height };
  const dot = `${state.id}:initial`;
  const children = state.states.map((child) => nodeOf(child, chart, texts));
  if (state.initial !== undefined) {
    texts.set(dot, { state: undefined, lines: [] });
    children.unshift({
      id: dot,
      width: DOT,
      height: DOT,
      layoutOptions: { 'elk.layered.layering.layerConstraint': 'FIRST' },
    });
  }
  return {
    id: state.id,
    children,
    layoutOptions: {
      ...spacing,
      'elk.padding': `[top=${height + PAD},left=${PAD * 2},bottom=${PAD * 2},right=${PAD * 2}]`,
      'elk.nodeSize.constraints': 'MINIMUM_SIZE',
      'elk.nodeSize.minimum': `(${width},${height})`,
    },
  };
}

function* initialsOf(state: ChartState): Generator<{ from: string; to: string }> {
  if (state.initial !== undefined) yield { from: `${state.id}:initial`, to: state.initial };
  for (const child of state.states) yield* initialsOf(child);
}

/**
 * Arrows between the same two states are one line on paper. One that leads into the middle of another state is drawn to
 * its border, and its words say where it goes from there.
 */
function waysOf(chart: Chart): PlannedWay[] {
  const ways = new Map<string, { id: string; from: string; to: string; arrows: Arrow[] }>();
  for (const arrow of chart.arrows) {
    const { from } = arrow;
    if (arrow.to === undefined) continue;
    const to = borderOf(from, arrow.to, chart);
    const id = `${from}>${to}`;
    const way = ways.get(id) ?? { id, from, to, arrows: [] };
    way.arrows.push(arrow);
    ways.set(id, way);
  }
  const planned = [...ways.values()];
  const back = backWays(planned, chart.root);
  return planned.map((way) => ({ ...way, back: back.has(way.id) }));
}

/** Depth first from where each state begins: a way to a state that is still open closes a circle. */
function backWays(ways: readonly { id: string; from: string; to: string }[], state: ChartState): Set<string> {
  const back = new Set(state.states.flatMap((child) => [...backWays(ways, child)]));
  const open = new Set<string>();
  const done = new Set<string>();
  const visit = (id: string) => {
    if (done.has(id)) return;
    done.add(id);
    open.add(id);
    for (const way of ways.filter(({ from }) => from === id)) {
      if (open.has(way.to)) back.add(way.id);
      else if (state.states.some((child) => child.id === way.to)) visit(way.to);
    }
    open.delete(id);
  };
  for (const id of [state.initial ?? '', ...state.states.map((child) => child.id)]) visit(id);
  return back;
}

/** What happens first, then what is done and why. */
function arrowLines({ event, guard, effects, rfc, to = '' }: Arrow, drawnTo: string): string[] {
  const inside = to === drawnTo ? '' : ` to ${to.slice(drawnTo.length + 1)}`;
  const asked = `${event}${guard === undefined ? '' : ` [${guard}]`}${inside}`;
  const done = [
    effects.join(', '),
    rfc === undefined ? '' : `(${rfcWords(rfc).replaceAll(' ', NBSP)})`,
  ].filter((part) => part !== '');
  return [asked, ...wrapped(done.length === 0 ? '' : `/ ${done.join(' ')}`, LABEL_WIDTH)];
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((part) => part !== '')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ` ${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}

function sizeOf(lines: readonly string[]): { width: number; height: number } {
  return { width: Math.max(0, ...lines.map((line) => line.length)) * CHAR, height: lines.length * LINE };
}

function pictureOf(laid: ElkNode, texts: ReadonlyMap<string, Text>, ways: readonly PlannedWay[]): Picture {
  const boxes: Box[] = [];
  const place = (node: ElkNode) => {
    const text = texts.get(node.id);
    if (text !== undefined) {
      const { state, lines } = text;
      boxes.push({
        id: node.id,
        kind: state?.kind ?? 'initial',
        title: state?.name ?? '',
        lines,
        ...at(node),
      });
    }
    node.children?.forEach(place);
  };
  place(laid);
  const lines = (laid.edges ?? []).map((edge): Way => {
    const way = ways.find(({ id }) => id === edge.id);
    const [label] = edge.labels ?? [];
    return {
      id: edge.id ?? '',
      from: way?.from ?? edge.sources[0] ?? '',
      to: way?.to ?? edge.targets[0] ?? '',
      points: (edge.sections ?? []).map(({ startPoint, bendPoints = [], endPoint }) => {
        const line = [startPoint, ...bendPoints, endPoint].map(rounded);
        return way?.back ? line.reverse() : line;
      }),
      labels: way === undefined || label === undefined ? [] : labelsOf(way, at(label)),
    };
  });
  return { ...at(laid), boxes, ways: lines };
}

function labelsOf({ arrows, to }: PlannedWay, { x, y }: Point): Way['labels'] {
  let top = y;
  return arrows.map((arrow) => {
    const lines = arrowLines(arrow, to);
    const label = { id: arrow.id, event: arrow.event, x, y: top, lines };
    top += lines.length * LINE;
    return label;
  });
}

function at({ x = 0, y = 0, width = 0, height = 0 }: ElkShape) {
  return { ...rounded({ x, y }), width: round(width), height: round(height) };
}

function rounded({ x, y }: Point): Point {
  return { x: round(x), y: round(y) };
}

function round(n: number): number {
  return Math.round(n * 10) / 10;
}
