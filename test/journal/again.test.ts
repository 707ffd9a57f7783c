// The journal's lines made again of what was told are those that it wrote.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { linesAgain, type Told } from '../../src/journal/again.ts';
import { linesOf, type WindowHead } from '../../src/journal/catch-up.ts';
import { Journal } from '../../src/journal/journal.ts';
import { readTransition, saveTransition } from '../../src/journal/saved-transition.ts';
import type { Transition } from '../../src/journal/transition.ts';
import { JsonWriter } from '../../src/json/json-writer.ts';
import { anyFacts, anyTransition } from './any-transition.ts';
import { BASIC_CALL, DIALOG, life } from './transitions.ts';

type How = Pick<Config['journal'], 'style' | 'detail'>;

const HOWS: readonly How[] = (['classic', 'plain'] as const).flatMap((style) =>
  (['transitions', 'calls'] as const).map((detail) => ({ style, detail })),
);
const SIZE = { maxSize: 1e9, keep: 1 };

/** A journal, and what is kept beside it of all that it is told. */
class Office {
  readonly told: Told[] = [];
  readonly heads: WindowHead[] = [];
  readonly journal: Journal;

  constructor(how: How, zone = () => 0) {
    const folder = mkdtempSync(join(tmpdir(), 'callchart-again-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    this.journal = new Journal({
      ...{ folder, settings: { ...how, ...SIZE }, zone },
      onTrouble: ({ err }) => {
        throw err;
      },
    });
  }

  take(told: Transition): void {
    const over = this.journal.record(told);
    const head = this.journal.head();
    if (head !== undefined) this.heads.push(head);
    const { window, how } = this.journal;
    const out = new JsonWriter();
    saveTransition(out, { number: this.told.length, transition: told });
    const { number, transition } = readTransition(JSON.parse(`${out}`), told.dialog, told.seq, told.from);
    this.told.push({ window, number, how, transition, over });
  }

  update(how: How): void {
    this.journal.update({ ...how, ...SIZE });
  }

  written(): { diary: string; ndjson: string } {
    const { journal } = this;
    journal.close();
    const [diary, ndjson] = [journal.diaryPath, journal.ndjsonPath].map((path) => readFileSync(path, 'utf8'));
    return { diary: diary ?? '', ndjson: ndjson ?? '' };
  }
}

function together(lines: readonly { readonly diary: string; readonly ndjson: string }[]) {
  return {
    diary: lines.map(({ diary }) => diary).join(''),
    ndjson: lines.map(({ ndjson }) => ndjson).join(''),
  };
}

describe.each(HOWS)('in the style $style with $detail', (how) => {
  it('the lines of a call are those that were written', () => {
    const office = new Office(how);
    for (const transition of life(BASIC_CALL)) office.take(transition);
    const again = together(linesAgain(office.told, office.heads));
    expect(again).toEqual(office.written());
    expect(again.diary.match(/\n/g)).toHaveLength(4);
    const types = again.ndjson
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).type);
    const each = Array<string>(BASIC_CALL.length).fill('transition');
    expect(types).toEqual(how.detail === 'calls' ? ['call'] : [...each, 'call']);
  });

  it('the record of a call stands behind its last transition, and nowhere else', () => {
    const office = new Office(how);
    for (const transition of life(BASIC_CALL)) office.take(transition);
    const lines = linesAgain(office.told, office.heads);
    const records = lines.map(({ ndjson }) => ndjson.includes('"type":"call"'));
    expect(records).toEqual(BASIC_CALL.map((_, n) => n === BASIC_CALL.length - 1));
    expect(lines.at(-1)?.ndjson.trimEnd().split('\n').at(-1)).toContain('"outcome":"answered"');
  });
});

test('each transition is written as the journal wrote just then, also within a window', () => {
  const office = new Office({ style: 'classic', detail: 'transitions' });
  for (const how of HOWS.toReversed()) {
    const dialog = { ...DIALOG, callId: `${how.style}-${how.detail}` };
    const [begin, ...rest] = life(BASIC_CALL, dialog);
    if (begin !== undefined) office.take(begin);
    office.update(how);
    for (const transition of rest) office.take(transition);
  }
  expect(new Set(office.told.map(({ window }) => window)).size).toBe(1);
  expect(new Set(office.told.map(({ how }) => how)).size).toBe(4);
  const again = together(linesAgain(office.told, office.heads));
  expect(again).toEqual(office.written());
});

test('the times of the diary are of the zone in which they were written', () => {
  const zone = () => new Date().getTimezoneOffset() + 300;
  const office = new Office({ style: 'plain', detail: 'calls' }, zone);
  for (const transition of life(BASIC_CALL)) office.take(transition);
  const { diary } = office.written();
  expect(together(linesAgain(office.told, office.heads)).diary).toBe(diary);
  expect(together(linesAgain(office.told, [])).diary).not.toBe(diary);
});

/** What happens next: to one of some calls, or to the journal. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ call: fc.nat(3), transition: anyTransition }) },
  { weight: 1, arbitrary: fc.constantFrom(...HOWS) },
  { weight: 2, arbitrary: fc.constant('flush' as const) },
);
const parties = fc.array(anyFacts, { minLength: 4, maxLength: 4 });

test('of calls that alternate, each kept for itself, they are put in order again', () => {
  fc.assert(
    fc.property(parties, fc.array(step, { maxLength: 60, size: 'max' }), (four, steps) => {
      const office = new Office({ style: 'classic', detail: 'transitions' });
      // a Call-ID is used again once its call is over
      const dialogs = four.map((facts, n) => ({ ...facts, callId: `${n}${facts.callId}` }));
      for (const one of steps) {
        if (one === 'flush') office.journal.flush();
        else if ('call' in one) {
          const dialog = dialogs[one.call];
          if (dialog === undefined) continue;
          office.take({ ...one.transition, dialog });
          if (one.transition.done) dialogs[one.call] = { ...dialog };
        } else office.update(one);
      }
      const calls = [...new Set(office.told.map(({ transition }) => transition.dialog))].reverse();
      const apart = calls.flatMap((call) =>
        office.told.filter(({ transition }) => transition.dialog === call),
      );
      const lines = linesAgain(apart, office.heads);
      expect(together(linesOf(office.heads, lines))).toEqual(office.written());
    }),
    { numRuns: 100 },
  );
});
