import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** From the ground up: each imports only itself and what stands before it. The last four build and connect. A new folder gets its place here. */
const LAYERS = [
  'machines',
  'time',
  'json',
  'config',
  'sip',
  'transport',
  'transaction',
  'registrar',
  'routing',
  'auth',
  'limits',
  'auth',
  'journal',
  'store',
  'inspect',
  'proxy',
  'supervisor',
  'effects',
  'console',
  'control',
  'kept.ts',
  'keeper.ts',
  'policy.ts',
  'core.ts',
  'persistence.ts',
  'caretaker.ts',
  'server.ts',
  'replay',
  'cli',
];

/** These stand alone: whoever wants them gets them without anything else of ours. */
const ALONE: Readonly<Record<string, readonly string[]>> = {
  machines: [],
  time: [],
  json: [],
  config: [],
  sip: ['machines'],
  transport: [],
};

/** Where the code departs from the rules above, and owes a way back. */
const DEPARTURES: readonly string[] = [];

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const files = ['machines', 'src'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(folder, file)),
);

const FROM = /^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*'([^']+)'/g;

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const target = (name: string) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name);
  return [
    ...[...text.matchAll(FROM)].map((match) => ({
      from: file,
      to: target(match[2] ?? ''),
      typeOnly: match[1] !== undefined,
    })),
    ...[...text.matchAll(DYNAMIC)].map((match) => ({
      from: file,
      to: target(match[1] ?? ''),
      typeOnly: false,
    })),
  ];
}

const imports = files.flatMap(importsOf);
const ours = imports.filter(({ to }) => to.startsWith('src/') || to.startsWith('machines/'));

/** `sip` for src/sip/parse.ts, `core.ts` for src/core.ts. */
function layer(file: string): string {
  const [top = '', second = ''] = file.split('/');
  return top === 'machines' ? top : second;
}

function isAllowed({ from, to }: Import): boolean {
  const [above, below] = [layer(from), layer(to)];
  if (above === below) return true;
  const alone = ALONE[above];
  return alone === undefined ? LAYERS.indexOf(below) < LAYERS.indexOf(above) : alone.includes(below);
}

describe('the direction of imports', () => {
  it('knows every folder', () => {
    expect([...new Set(files.map(layer))].filter((name) => !LAYERS.includes(name))).toEqual([]);
  });

  it('is downwards, but for the departures written down', () => {
    const upwards = ours.filter((each) => !isAllowed(each)).map(({ from, to }) => `${from} -> ${to}`);
    expect([...new Set(upwards)].sort()).toEqual(DEPARTURES);
  });

  it('leaves the charts alone with XState', () => {
    const foreign = imports.filter(({ from, to }) => layer(from) === 'machines' && layer(to) !== 'machines');
    expect([...new Set(foreign.map(({ to }) => to))]).toEqual(['xstate']);
  });

  it('goes in no circle while the program runs', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to, typeOnly } of ours)
      if (!typeOnly) edges.set(from, [...(edges.get(from) ?? []), to]);
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      expect(way, `circle: ${[...way, file].join(' -> ')}`).not.toContain(file);
      if (done.has(file)) return;
      for (const to of edges.get(file) ?? []) visit(to, [...way, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
  });

  it('names the file that is meant', () => {
    expect(ours.filter(({ to }) => !files.includes(to)).map(({ from, to }) => `${from} -> ${to}`)).toEqual(
      [],
    );
    expect(files.filter((file) => /\/index\.ts$/.test(file))).toEqual([]);
  });
});
