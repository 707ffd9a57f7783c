// A chart for people who want to see its states: small Mermaid diagrams, one for the whole and one for each region.
import { type Arrow, type Chart, type ChartState, isIn, statesOf } from './chart.ts';
import { nameOf } from './mermaid.ts';

/**
 * Which state follows which, by which events: no effects, few guards, none of the arrows that stay. A state with
 * states of its own is a plain box in the whole and has a diagram of its own, folded away.
 */
export function briefMarkdown(chart: Chart): string {
  return statesOf(chart.root)
    .filter(({ kind }) => kind === 'compound')
    .map((state) => {
      const picture = `\`\`\`mermaid\n${diagram(state, chart)}\`\`\`\n`;
      if (state === chart.root) return picture;
      const path = state.id.slice(chart.name.length + 1);
      return `<details><summary>inside <code>${path}</code></summary>\n\n${picture}\n</details>\n`;
    })
    .join('\n');
}

/** The children of one state, what is inside them left out. */
function diagram(state: ChartState, chart: Chart): string {
  const boxes = state.states;
  const ways = new Map<string, Arrow[]>();
  for (const arrow of chart.arrows) {
    const target = boxes.find(({ id }) => arrow.to !== undefined && isIn(arrow.to, id));
    const start = boxes.find(({ id }) => isIn(arrow.from, id));
    if (target === undefined || start === target || (start === undefined && arrow.from !== state.id))
      continue;
    const way = `${start === undefined ? ANYWHERE : nameOf(start.id)} --> ${nameOf(target.id)}`;
    ways.set(way, [...(ways.get(way) ?? []), arrow]);
  }
  const anywhere = [...ways.keys()].some((way) => way.startsWith(ANYWHERE));
  const lines = [
    'stateDiagram-v2',
    ...boxes.map(({ id, name }) => `state "${name}" as ${nameOf(id)}`),
    ...(anywhere ? [`state "anywhere here" as ${ANYWHERE}`] : []),
    ...(state.initial === undefined ? [] : [`[*] --> ${nameOf(state.initial)}`]),
    ...[...ways].map(([way, arrows]) => `${way} : ${words(arrows, boxes)}`),
    ...boxes.filter(({ kind }) => kind === 'final').map(({ id }) => `${nameOf(id)} --> [*]`),
  ];
  return `${lines.join('\n  ')}\n`;
}

const ANYWHERE = 'anywhere';

/** Two events are named, one with its guard; more only by their nouns. */
function words(arrows: readonly Arrow[], boxes: readonly ChartState[]): string {
  const events = [...new Set(arrows.map(({ event }) => event))];
  if (events.length > 2) return [...new Set(events.map((event) => event.split('.')[0]))].join(', ');
  return events.map((event) => named(event, arrows, boxes, events.length === 1)).join('<br>');
}

/** `request.bye in referred`: only in that state inside. `[guard]`: the only one that leads this way. */
function named(
  event: string,
  arrows: readonly Arrow[],
  boxes: readonly ChartState[],
  alone: boolean,
): string {
  const mine = arrows.filter((arrow) => arrow.event === event);
  const inside = mine.filter(({ from }) => boxes.some(({ id }) => id !== from && isIn(from, id)));
  const where = [...new Set(inside.map(({ from }) => from.slice(from.lastIndexOf('.') + 1)))];
  if (where.length > 0) return `${event} in ${where.join(', ')}`;
  const guards = new Set(mine.map(({ guard }) => guard));
  const [guard] = guards;
  return event + (alone && guards.size === 1 && guard !== undefined ? ` [${guard}]` : '');
}
