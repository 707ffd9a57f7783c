// A chart as one Mermaid state diagram, with everything it says.
import { type Arrow, type Chart, type ChartState, statesOf } from './chart.ts';

/** Every state with its effects, every arrow with guard, effects and source. */
export function mermaid(chart: Chart): string {
  const lines = chart.arrows
    .filter((arrow) => arrow.to !== undefined)
    .map((arrow) => `${way(arrow.from, arrow.to ?? '')} : ${plain(label(arrow))}`);
  const notes = statesOf(chart.root).flatMap((state) => note(state, chart));
  // Mermaid has no place for what holds everywhere
  const everywhere = stateLines(chart.root, chart).map((line) => `%% everywhere: ${line}`);
  return diagram(chart, [...lines, ...notes, ...everywhere]);
}

/** `event [guard] / effects (RFC 3261 §13)`. */
export function label(arrow: Arrow): string {
  const guard = arrow.guard === undefined ? '' : ` [${arrow.guard}]`;
  return `${arrow.event}${guard}${done(arrow.effects)}${source(arrow.rfc)}`;
}

/** `RFC 3261 §13.2.2.4` for `3261#13.2.2.4`. */
export function rfcWords(rfc: string): string {
  const [document, section] = rfc.split('#');
  return `RFC ${document}${section === undefined ? '' : ` §${section}`}`;
}

function done(effects: readonly string[]): string {
  return effects.length === 0 ? '' : ` / ${effects.join(', ')}`;
}

function source(rfc: string | undefined): string {
  return rfc === undefined ? '' : ` (${rfcWords(rfc)})`;
}

function diagram(chart: Chart, arrows: readonly string[]): string {
  const lines = [
    'stateDiagram-v2',
    ...inner(chart.root).map((line) => `  ${line}`),
    ...arrows.map((line) => `  ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Declares a state's children, the first of them, and the ends. */
function inner(state: ChartState): string[] {
  const lines = state.initial === undefined ? [] : [`[*] --> ${nameOf(state.initial)}`];
  state.states.forEach((child, i) => {
    if (i > 0 && state.kind === 'parallel') lines.push('--');
    lines.push(`state "${child.name}" as ${nameOf(child.id)}`);
    const within = inner(child);
    if (within.length > 0)
      lines.push(`state ${nameOf(child.id)} {`, ...within.map((line) => `  ${line}`), '}');
    if (child.kind === 'final') lines.push(`${nameOf(child.id)} --> [*]`);
  });
  return lines;
}

function note(state: ChartState, chart: Chart): string[] {
  const lines = stateLines(state, chart);
  if (lines.length === 0 || state === chart.root) return [];
  return [`note right of ${nameOf(state.id)}`, ...lines.map((line) => `  ${plain(line)}`), 'end note'];
}

/** What stands in a state's box: its source, what it does on entry and exit, and the arrows that stay. */
export function stateLines(state: ChartState, chart: Chart): string[] {
  const staying = chart.arrows.filter((arrow) => arrow.from === state.id && arrow.to === undefined);
  return [
    ...(state.rfc === undefined ? [] : [rfcWords(state.rfc)]),
    ...(state.entry.length === 0 ? [] : [`entry / ${state.entry.join(', ')}`]),
    ...(state.exit.length === 0 ? [] : [`exit / ${state.exit.join(', ')}`]),
    ...staying.map(label),
  ];
}

function way(from: string, to: string): string {
  return `${nameOf(from)} --> ${nameOf(to)}`;
}

/** Mermaid's names hold no dots and no hyphens. */
export function nameOf(id: string): string {
  return id.split('.').slice(1).join('_').replaceAll('-', '_');
}

/** A semicolon ends a statement. */
function plain(text: string): string {
  return text.replaceAll(';', ',');
}
