// Owns the reading of a profile: which layer of the server each function belongs to, and what each layer and function took.
import { existsSync, readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const LAYERS = [
  'socket',
  'parse',
  'transaction',
  'routing',
  'registrar',
  'machine',
  'serialise',
  'journal',
  'timers',
  'gc',
  'other',
] as const;
export type Layer = (typeof LAYERS)[number];

export interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number; // from 0
  readonly columnNumber: number;
}

/** A node of either kind of V8 profile; `self` is µs or bytes. */
export interface ProfileNode {
  readonly frame: Frame;
  readonly self: number;
  readonly children: ProfileNode[];
}

export interface FunctionShare {
  readonly name: string;
  readonly place: string;
  readonly layer: Layer;
  self: number;
}

export interface Shares {
  readonly layers: Record<Layer, number>;
  readonly functions: FunctionShare[]; // most first
  readonly total: number;
}

const BY_PLACE: readonly (readonly [RegExp, Layer])[] = [
  [/^src\/sip\/(serialize|edit|reply)/, 'serialise'],
  [/^src\/sip\//, 'parse'],
  [/^src\/transport\/|^node:(dgram|internal\/dgram)/, 'socket'],
  [/^src\/transaction\//, 'transaction'],
  [/^src\/(proxy|routing|supervisor|effects|bridge)\b/, 'routing'],
  [/^src\/registrar\//, 'registrar'],
  [/^machines\/|(^|\/)node_modules\/(@?xstate)\b/, 'machine'],
  [/^src\/(journal|store)\/|(^|\/)node_modules\/(pino|sonic-boom|thread-stream)\b/, 'journal'],
  [/^src\/time\/|^node:(timers|internal\/timers)/, 'timers'],
];

/** The layer of a source path, relative to the product's root; undefined: whoever called it. */
export function layerOf(place: string): Layer | undefined {
  for (const [pattern, layer] of BY_PLACE) if (pattern.test(place)) return layer;
  return place === '' || place.startsWith('node:') ? undefined : 'other';
}

/** Turns a place in the bundle into one in the sources. */
export class Sources {
  readonly #root: string;
  readonly #maps = new Map<string, SourceMap | undefined>();

  constructor(root: string) {
    this.#root = root;
  }

  placeOf(frame: Frame): string {
    // V8 names a CommonJS file by its path, a module by its URL
    const file = frame.url.startsWith('file:') ? fileURLToPath(frame.url) : frame.url;
    if (!path.isAbsolute(file)) return frame.url;
    const entry = this.#mapOf(file)?.findEntry(frame.lineNumber, frame.columnNumber);
    if (entry && 'originalSource' in entry) {
      const source = path.resolve(path.dirname(file), entry.originalSource);
      return `${path.relative(this.#root, source)}:${entry.originalLine + 1}`;
    }
    return `${path.relative(this.#root, file)}:${frame.lineNumber + 1}`;
  }

  #mapOf(file: string): SourceMap | undefined {
    if (!this.#maps.has(file)) {
      const map = `${file}.map`;
      this.#maps.set(
        file,
        existsSync(map) ? new SourceMap(JSON.parse(readFileSync(map, 'utf8'))) : undefined,
      );
    }
    return this.#maps.get(file);
  }
}

/** `(idle)` counts for nothing: whoever has the CPU figures knows what was spent there, in the event loop's system calls. */
export function shares(root: ProfileNode, sources: Pick<Sources, 'placeOf'>): Shares {
  const layers = Object.fromEntries(LAYERS.map((layer) => [layer, 0])) as Record<Layer, number>;
  const functions = new Map<string, FunctionShare>();
  let total = 0;
  const visit = (node: ProfileNode, above: Layer): void => {
    const { functionName } = node.frame;
    const place = sources.placeOf(node.frame);
    const layer = functionName === '(garbage collector)' ? 'gc' : (layerOf(place) ?? above);
    if (functionName !== '(idle)' && node.self > 0) {
      layers[layer] += node.self;
      total += node.self;
      const name = functionName === '' ? '(anonymous)' : functionName;
      const key = `${name} ${place} ${layer}`;
      const known = functions.get(key);
      if (known) known.self += node.self;
      else functions.set(key, { name, place, layer, self: node.self });
    }
    for (const child of node.children) visit(child, layer);
  };
  visit(root, 'other');
  return { layers, total, functions: [...functions.values()].sort((a, b) => b.self - a.self) };
}

interface CpuProfile {
  nodes: { id: number; callFrame: Frame; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

/** Self µs of every node of a .cpuprofile; `scale` takes off what sampling itself took. */
export function readCpuProfile(text: string, scale = 1): ProfileNode {
  const profile = JSON.parse(text) as CpuProfile;
  const self = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    // a delta leads up to its sample; what ran until the next one is that sample's
    self.set(id, (self.get(id) ?? 0) + scale * (profile.timeDeltas[i + 1] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const build = (id: number): ProfileNode => {
    const node = nodes.get(id);
    if (!node) throw new Error(`profile: node ${id} is missing`);
    return { frame: node.callFrame, self: self.get(id) ?? 0, children: (node.children ?? []).map(build) };
  };
  return build(profile.nodes[0]?.id ?? 0);
}

interface HeapNode {
  callFrame: Frame;
  selfSize: number;
  children: HeapNode[];
}

/** Self bytes of every node of a .heapprofile. */
export function readHeapProfile(text: string): ProfileNode {
  const build = (node: HeapNode): ProfileNode => ({
    frame: node.callFrame,
    self: node.selfSize,
    children: node.children.map(build),
  });
  return build((JSON.parse(text) as { head: HeapNode }).head);
}
