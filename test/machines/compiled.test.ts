import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnyActor, type AnyStateMachine, createActor, createMachine, not, raise, setup } from 'xstate';
import { dialogMachine } from '../../machines/dialog.ts';
import { effects } from '../../machines/effects.ts';
import { subscriptionMachine } from '../../machines/subscription.ts';
import { Chart } from '../../src/supervisor/compiled-chart.ts';
import { ChartRefused } from '../../src/supervisor/compiled-limits.ts';
import { compiledLogic } from '../../src/supervisor/compiled-logic.ts';
import { anyEvent } from './any-event.ts';
import { everyEvent, ofDialog, ofSubscription } from './choices.ts';
import * as e from './events.ts';
import { type Choice, leavesOf, shortestPaths, tours } from './explore.ts';
import { both, SideBySide } from './side-by-side.ts';

const EFFECTS = Object.keys(effects);

const charts: [name: string, machine: AnyStateMachine, choice: Choice][] = [
  ['dialog', dialogMachine, ofDialog],
  ['subscription', subscriptionMachine, ofSubscription],
];

describe.each(charts)('the compiled chart of a %s', (_name, machine, choice) => {
  const pair = both(machine, EFFECTS);
  const paths = shortestPaths(machine, choice);

  it('does what the interpreter does along every path', () => {
    for (const path of paths) new SideBySide(pair).play(path);
    for (const tour of tours(machine, choice).tours) new SideBySide(pair).play(tour);
    expect(paths.length).toBeGreaterThan(leavesOf(machine).length);
  });

  it('does what the interpreter does whatever comes in whatever order', () => {
    const reached = new Set<string>();
    fc.assert(
      fc.property(
        fc.nat(paths.length - 1),
        fc.array(anyEvent, { minLength: 1, maxLength: 40 }),
        (start, events) => {
          let life = new SideBySide(pair).play(paths[start] ?? []);
          for (const event of events) {
            if (life.isOver) life = new SideBySide(pair).play(paths[start]?.slice(0, -1) ?? []);
            if (!life.isOver) life.send(event);
            reached.add(JSON.stringify(life.value));
          }
          life.stop();
        },
      ),
      { numRuns: 400 },
    );
    expect(reached.size).toBeGreaterThanOrEqual(leavesOf(machine).length);
  });

  it('does what the interpreter does from an unlikely beginning', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        new SideBySide(pair).play(events);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps what the interpreter can restore, and restores what the interpreter kept', () => {
    const seen = new Set<string>();
    const after = [e.success(), e.bye(), e.byeAnswered()];
    for (const path of paths) {
      const lived = new SideBySide(pair).play(path);
      const at = JSON.stringify(lived.value);
      if (lived.isOver || seen.has(at)) continue;
      seen.add(at);
      for (const kept of lived.kept)
        for (const event of everyEvent) new SideBySide(pair, kept).play([event, ...after]);
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  it('has one object for each value', () => {
    const values = new Map<string, unknown>();
    for (const path of paths) {
      const { value } = new SideBySide(pair).play(path);
      const text = JSON.stringify(value);
      expect(value).toBe(values.get(text) ?? value);
      values.set(text, value);
    }
  });

  it('says what an event can do as the interpreter does', () => {
    for (const path of paths) {
      const [interpreted, compiled] = [createActor(pair.machine), createActor(pair.logic)];
      for (const actor of [interpreted, compiled]) actor.start();
      for (const event of path) for (const actor of [interpreted, compiled]) actor.send(event);
      for (const event of everyEvent)
        expect(compiled.getSnapshot().can(event)).toBe(interpreted.getSnapshot().can(event));
    }
  });

  it('remembers no event type that the chart does not name', () => {
    const chart = new Chart(pair.machine);
    const kinds = new Set(Array.from({ length: 1000 }, (_, index) => chart.kindOf(`request.x${index}`)));
    expect([...kinds]).toEqual(['*']);
    expect(chart.kindOf('timer.unheard-of')).toBe(chart.kindOf('timer.x.y'));
    const life = new SideBySide(pair);
    for (const type of ['a', '', 'timer', 'timer.', 'timer.x.y', 'timerx']) life.send({ type });
  });
});

describe('a compiled call', () => {
  it('shares its snapshots with other calls while nothing is special about it', () => {
    const { logic } = both(dialogMachine, EFFECTS);
    const calls = [0, 1].map(() => createActor(logic).start());
    for (const event of [e.invite(), e.provisional(180), e.success(), e.ack(), e.bye()]) {
      for (const call of calls) call.send(event);
      expect(calls[0]?.getSnapshot()).toBe(calls[1]?.getSnapshot());
    }
  });

  it('breaks as an interpreted one does: alone, told once', () => {
    const bug = new Error('a bug');
    const broken = dialogMachine.provide({
      actions: {
        forward: () => {
          throw bug;
        },
      },
    });
    const ends = [createActor(broken), createActor(compiledLogic(broken))].map((actor: AnyActor) => {
      const errors: unknown[] = [];
      actor.subscribe({ error: (error) => errors.push(error) });
      actor.start();
      actor.send(e.invite());
      actor.send(e.invite());
      const { status, value, context, error } = actor.getSnapshot();
      return { errors, status, value, context, error };
    });
    expect(ends[0]).toMatchObject({ errors: [bug], status: 'error', value: 'idle', error: bug });
    expect(ends[1]).toEqual(ends[0]);
  });

  it('is not restored where its chart has no such state', () => {
    const { logic } = both(dialogMachine, EFFECTS);
    for (const value of ['nowhere', { confirmed: { media: 'nothing' } }, { nowhere: {} }]) {
      const kept = { status: 'active', value, context: {}, children: {}, historyValue: {} };
      const { status, error } = createActor(logic, { snapshot: kept as never }).getSnapshot();
      expect([status, String(error)]).toEqual(['error', expect.stringContaining('has no state')]);
    }
  });
});

describe('what a chart may use', () => {
  const words = setup({
    types: { context: {} as { count: number }, events: {} as { type: string; by?: number } },
    actions: {
      did: (_, _params: { what: string }) => {},
      add: ({ context: _ }) => {},
    },
    guards: {
      isEven: ({ context }) => context.count % 2 === 0,
      isBelow: ({ context }, params: { most: number }) => context.count < params.most,
    },
  });
  const did = (what: string) => ({ type: 'did', params: { what } }) as const;
  const count = words.assign({ count: ({ context, event }) => context.count + (event.by ?? 1) });
  const twice = words.enqueueActions(({ context, enqueue, check }) => {
    enqueue(did(`before ${context.count}`));
    enqueue.assign({ count: ({ context }) => context.count * 2 });
    if (check('isEven')) enqueue(count);
    enqueue({ type: 'did', params: ({ context }) => ({ what: `after ${context.count}` }) });
  });
  const around = (name: string) => ({ entry: did(`into ${name}`), exit: did(`out of ${name}`) });

  const everything = words.createMachine({
    id: 'all',
    context: { count: 0 },
    initial: 'start',
    on: {
      'a.*': { actions: did('a.*') },
      '*': { actions: [did('*'), count] },
      f: { target: '.end', guard: { type: 'isBelow', params: { most: 3 } } },
      g: { target: '#deep' },
      h: {},
    },
    exit: did('out of all'),
    states: {
      start: {
        exit: did('out of start'),
        on: { a: 'both', b: { target: 'start', actions: twice }, c: { target: 'start', reenter: true } },
      },
      both: {
        ...around('both'),
        type: 'parallel',
        on: {
          a: 'start',
          b: '.left.two',
          c: { target: '.right', actions: count },
          d: { target: 'both', reenter: true },
          'a.b': [{ guard: 'isEven', target: 'both' }, { target: ['.left.two', '.right.deep.in'] }],
        },
        states: {
          left: {
            ...around('left'),
            initial: 'one',
            on: { 'a.b.c': '.two' },
            states: {
              one: {
                ...around('one'),
                tags: 'one',
                on: { a: 'two', e: '#all.start', x: { actions: twice } },
              },
              two: {
                ...around('two'),
                on: {
                  a: 'one',
                  b: { target: 'two', reenter: true },
                  d: 'two',
                  x: {},
                  e: { guard: 'isEven', target: 'one' },
                },
              },
            },
          },
          right: {
            ...around('right'),
            initial: 'up',
            on: { x: { target: '.deep', actions: count } },
            states: {
              up: {
                ...around('up'),
                on: { a: 'deep', 'a.*': { guard: 'isEven', actions: did('up') }, e: 'deep' },
              },
              deep: {
                ...around('deep'),
                id: 'deep',
                type: 'parallel',
                on: { e: { target: '#all.both.left.two', guard: 'isEven' }, b: 'up' },
                states: {
                  in: {
                    ...around('in'),
                    initial: 'p',
                    states: { p: { on: { a: 'q' } }, q: { on: { a: 'p', d: '#all.start' } } },
                  },
                  lone: { ...around('lone'), tags: ['lone'], on: { d: { actions: did('lone') } } },
                },
              },
            },
          },
        },
      },
      end: { ...around('end'), type: 'final' },
    },
  });

  it('does what the interpreter does, with all of it', () => {
    const pair = both(everything, ['did', 'add']);
    const type = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'x', 'a.b', 'a.b.c', 'a.z', 'g', 'h', 'z');
    const reached = new Set<string>();
    fc.assert(
      fc.property(fc.array(fc.record({ type, by: fc.nat(3) }), { maxLength: 60 }), (events) => {
        const life = new SideBySide(pair);
        for (const event of events) {
          life.send(event);
          reached.add(JSON.stringify(life.value));
        }
        new SideBySide(pair, life.kept[0]).play(events);
        life.play([{ type: 'f' }, ...events]);
      }),
      { numRuns: 300 },
    );
    expect(reached.size).toBe(7);
  });

  const refused: [what: string, machine: AnyStateMachine][] = [
    ['"always"', createMachine({ initial: 'a', states: { a: { always: 'b' }, b: {} } })],
    ['"after"', createMachine({ initial: 'a', states: { a: { after: { 10: 'b' } }, b: {} } })],
    ['"invoke"', createMachine({ initial: 'a', states: { a: { invoke: { src: 'x' } } } })],
    [
      '"onDone"',
      createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: {} }, onDone: 'c' }, c: {} } }),
    ],
    ['"output"', createMachine({ initial: 'a', states: { a: {} }, output: 1 })],
    [
      '"history"',
      createMachine({ initial: 'a', states: { a: {}, h: { type: 'history', history: 'deep' } } }),
    ],
    ['history', createMachine({ initial: 'a', states: { a: {}, h: { type: 'history' } } })],
    [
      'final',
      createMachine({ initial: 'a', states: { a: { initial: 'b', states: { b: { type: 'final' } } } } }),
    ],
    ['a context', createMachine({ context: () => ({}), initial: 'a', states: { a: {} } })],
    ['a root', createMachine({ type: 'parallel', states: { a: {} } })],
    ['entry actions', createMachine({ initial: 'a', states: { a: { entry: () => {} } } })],
    ['initial transition', createMachine({ initial: { target: 'a', actions: () => {} }, states: { a: {} } })],
    [
      'the action "nobody"',
      createMachine({ initial: 'a', states: { a: { on: { x: { actions: 'nobody' } } } } }),
    ],
    [
      'the guard "nobody"',
      createMachine({ initial: 'a', states: { a: { on: { x: { guard: 'nobody' } } } } }),
    ],
    [
      'the built-in guard',
      createMachine({ initial: 'a', states: { a: { on: { x: { guard: not('nobody') } } } } }),
    ],
    [
      'the built-in action',
      createMachine({ initial: 'a', states: { a: { on: { x: { actions: raise({ type: 'y' }) } } } } }),
    ],
    [
      'the root again',
      createMachine({ initial: 'a', states: { a: {} }, on: { x: { target: '.a', reenter: true } } }),
    ],
  ];

  it.each(refused)('is not %s: such a chart is refused at the start', (what, machine) => {
    expect(() => compiledLogic(machine)).toThrow(ChartRefused);
    expect(() => compiledLogic(machine)).toThrow(what);
  });
});
