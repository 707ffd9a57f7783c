// What of XState a compiled chart may use. Anything else is refused when the server starts, so that nobody is fooled.
import type { AnyStateMachine, AnyStateNode } from 'xstate';

/** A bug of a chart, or of the compiler. */
export class ChartRefused extends Error {
  readonly code = 'chart-refused';

  constructor(what: string) {
    super(
      `A compiled chart cannot have ${what}. Write the chart without it, or teach src/supervisor/compiled-*.ts.`,
    );
    this.name = 'ChartRefused';
  }
}

const OF_STATES: ReadonlySet<string> = new Set([
  'id',
  'type',
  'initial',
  'states',
  'on',
  'entry',
  'exit',
  'tags',
  'meta',
  'description',
]);

const OF_THE_ROOT: ReadonlySet<string> = new Set([...OF_STATES, 'context', 'version', 'types', 'schemas']);

const OF_ARROWS: ReadonlySet<string> = new Set([
  'target',
  'guard',
  'actions',
  'reenter',
  'meta',
  'description',
  // XState's own
  'source',
  'eventType',
  'toJSON',
]);

/** Throws at the first thing that is not known here. */
export function checkChart(machine: AnyStateMachine): void {
  const { context } = machine.config;
  if (typeof context === 'function') throw new ChartRefused('a context that is made by a function');
  if (machine.root.type !== 'compound') throw new ChartRefused(`a root that is ${machine.root.type}`);
  checkState(machine.root);
}

function checkState(node: AnyStateNode): void {
  const isRoot = node.parent === undefined;
  const at = ` in "${node.id}"`;
  onlyKnown(node.config, isRoot ? OF_THE_ROOT : OF_STATES, at);
  if (node.type === 'history') throw new ChartRefused(`history${at}`);
  if (node.type === 'final' && node.parent?.parent !== undefined)
    throw new ChartRefused(`a final state inside of another${at}`);
  if (node.type === 'compound' && node.initial.actions.length > 0)
    throw new ChartRefused(`actions of an initial transition${at}`);
  for (const arrow of [...node.transitions.values()].flat()) {
    onlyKnown(arrow, OF_ARROWS, at);
    if (arrow.reenter && isRoot) throw new ChartRefused('an arrow that enters the root again');
    if (arrow.target?.some(({ parent }) => parent === undefined))
      throw new ChartRefused(`an arrow to the root${at}`);
  }
  for (const child of Object.values(node.states)) checkState(child);
}

function onlyKnown(what: object, known: ReadonlySet<string>, at: string): void {
  for (const [key, value] of Object.entries(what)) {
    if (value !== undefined && !known.has(key)) throw new ChartRefused(`"${key}"${at}`);
  }
}
