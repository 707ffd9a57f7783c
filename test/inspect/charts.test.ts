import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dialogMachine } from '../../machines/dialog.ts';
import { briefMarkdown } from '../../src/inspect/chart/brief.ts';
import { type Chart, statesOf } from '../../src/inspect/chart/chart.ts';
import { allCharts, chart } from '../../src/inspect/chart/charts.ts';
import { layOut } from '../../src/inspect/chart/layout.ts';
import { mermaid } from '../../src/inspect/chart/mermaid.ts';
import { svg } from '../../src/inspect/chart/picture.ts';
import { chartCount, withCharts } from '../../src/inspect/chart/readme.ts';

function dialog(): Chart {
  const found = chart('dialog');
  if (found === undefined) throw new Error('there is no chart of a dialog');
  return found;
}

function arrow(id: string) {
  return dialog().arrows.find((one) => one.id === id);
}

describe('a chart as data', () => {
  it('says guard, effects, target and source of an arrow', () => {
    expect(arrow('dialog.trying:response.success:startsPlain')).toEqual({
      id: 'dialog.trying:response.success:startsPlain',
      from: 'dialog.trying',
      to: 'dialog.confirmed',
      event: 'response.success',
      guard: 'startsPlain',
      effects: ['forward', 'journal(answered)'],
      rfc: '3261#13.2.2.4',
    });
  });

  it('calls context changes as the charts call them', () => {
    expect(arrow('dialog.confirmed.media.late-offer:request.ack:answers')?.effects).toEqual([
      'forward',
      'stopTimer(ack)',
      'startTimer(life)',
      'tellTerms',
      'recordTerms',
    ]);
  });

  it('names every entry that a computed effect may tell', () => {
    const told = arrow('dialog.ringing:response.failure')?.effects.at(-1);
    for (const outcome of ['busy', 'declined', 'no-answer', 'unreachable', 'failed'])
      expect(told).toContain(outcome);
  });

  it.each(allCharts())('$name has no nameless effect and no two arrows of one id', ({ arrows, root }) => {
    const effects = [
      ...arrows.flatMap((one) => one.effects),
      ...statesOf(root).flatMap((state) => [...state.entry, ...state.exit]),
    ];
    expect(effects.filter((effect) => !/^[a-z]\w*(\([^()]+\))?$/i.test(effect))).toEqual([]);
    expect(effects).not.toContain('unnamed');
    expect(effects).not.toContain('assign');
    expect(new Set(arrows.map(({ id }) => id)).size).toBe(arrows.length);
  });

  it.each(allCharts())('$name leads nowhere outside of itself', ({ arrows, root }) => {
    const ids = new Set(statesOf(root).map(({ id }) => id));
    expect(arrows.filter(({ from, to }) => !ids.has(from) || (to !== undefined && !ids.has(to)))).toEqual([]);
  });

  it('calls each state by the id the machine calls it by', () => {
    for (const { id, name } of statesOf(dialog().root))
      expect(dialogMachine.getStateNodeById(id).key).toBe(name);
    expect(dialog().root.states.map(({ name }) => name)).toEqual(
      Object.keys(dialogMachine.config.states ?? {}),
    );
  });
});

describe('a chart in Mermaid', () => {
  it.each(allCharts())('$name has a line for every arrow that leads somewhere', (one) => {
    const ways = mermaid(one)
      .split('\n')
      .filter((line) => / --> .* : /.test(line));
    expect(ways).toHaveLength(one.arrows.filter(({ to }) => to !== undefined).length);
  });

  it('writes what happens while a state stays beside the state', () => {
    expect(mermaid(dialog())).toContain(
      'request.ack / forward, stopTimer(ack), startTimer(life) (RFC 3261 §13.3.1.4)',
    );
  });

  it.each(allCharts())('$name in brief shows each state once, each region in a diagram of its own', (one) => {
    const text = briefMarkdown(one);
    const path = (id: string) => id.slice(one.name.length + 1);
    for (const { kind, id, name } of statesOf(one.root)) {
      if (id === one.name) continue;
      if (kind === 'compound') expect(text).toContain(`inside <code>${path(id)}</code>`);
      else expect(text.split(`state "${name}" as ${path(id).replace(/[.-]/g, '_')}\n`), id).toHaveLength(2);
    }
  });

  it('in brief says from where inside a box an arrow comes', () => {
    expect(briefMarkdown(dialog())).toContain(
      'confirmed --> terminating_transfer : request.bye in referring, referred',
    );
  });
});

describe('a chart in SVG', () => {
  it.each(allCharts())(
    '$name has an element for each state, each arrow that leads somewhere, once',
    async (one) => {
      const text = svg(await layOut(one), one.about);
      const ids = [...text.matchAll(/<g class="[^"]*" id="([^"]+)"/g)].map((match) => match[1]);
      expect(new Set(ids).size).toBe(ids.length);
      for (const { id } of statesOf(one.root)) expect(ids).toContain(id);
      for (const { id, to } of one.arrows) if (to !== undefined) expect(ids).toContain(id);
    },
  );

  it('keeps every state inside the one that holds it, and beside its siblings', async () => {
    const { boxes } = await layOut(dialog());
    const box = (id: string) => {
      const found = boxes.find((one) => one.id === id);
      if (found === undefined) throw new Error(`no box ${id}`);
      return found;
    };
    for (const state of statesOf(dialog().root)) {
      const outer = box(state.id);
      const inner = state.states.map(({ id }) => box(id));
      for (const one of inner) {
        expect(one.x).toBeGreaterThan(outer.x);
        expect(one.y + one.height).toBeLessThan(outer.y + outer.height);
        for (const other of inner) {
          const apart =
            one.x + one.width <= other.x ||
            other.x + other.width <= one.x ||
            one.y + one.height <= other.y ||
            other.y + other.height <= one.y;
          expect(one === other || apart, `${one.id} and ${other.id}`).toBe(true);
        }
      }
    }
  });

  it('comes out the same every time', async () => {
    expect(await layOut(dialog())).toEqual(await layOut(dialog()));
  });
});

describe('charts in a text', () => {
  it('stand between their markers, the rest stays', () => {
    const text = 'a\n<!-- chart:subscription -->\nold\n<!-- /chart -->\nb\n';
    const fresh = withCharts(text);
    expect(fresh).toMatch(/^a\n<!-- chart:subscription -->\n```mermaid\n[^]*```\n<!-- \/chart -->\nb\n$/);
    expect(withCharts(fresh)).toBe(fresh);
    expect(chartCount(fresh)).toBe(1);
  });

  it('of a name that there is not are refused', () => {
    expect(() => withCharts('<!-- chart:nope -->\n<!-- /chart -->')).toThrow('"nope"');
  });

  const readme = new URL('../../README.md', import.meta.url);

  it('in the README are as the machines are; else: npm run charts', () => {
    const text = readFileSync(readme, 'utf8');
    expect(chartCount(text)).toBeGreaterThan(0);
    expect(withCharts(text)).toBe(text);
  });
});
