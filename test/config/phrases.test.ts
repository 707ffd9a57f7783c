import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configSchema } from '../../src/config/config.ts';
import { isPhrase, phraseBook } from '../../src/config/phrases.ts';
import { anyText } from '../any-text.ts';

const standard = (status: number) => `standard ${status}`;
const text = (latin1: string) => Buffer.from(latin1, 'latin1').toString('utf8');

function book(phrases: unknown) {
  return phraseBook(configSchema.parse({ phrases }).phrases, standard);
}

test('without configuration the standard words', () => expect(book({})(200)).toBe('standard 200'));

test('the classic preset speaks for its codes, the standard for the rest', () => {
  const words = book('classic');
  expect(words(200)).toBe('OK - pohoda');
  expect(words(400)).toBe('Ajaj, zla poziadavka');
  for (const status of [406, 480, 500]) expect(words(status)).not.toBe(standard(status));
  expect(words(418)).toBe('standard 418');
});

test('a single code goes before its preset', () => {
  const words = book({ preset: 'classic', 200: 'v poriadku' });
  expect(words(200)).toBe('v poriadku');
  expect(words(400)).toBe('Ajaj, zla poziadavka');
});

test('words leave as UTF-8 bytes, one character each', () => {
  const words = book({ 480: 'Nie je doma – skús neskôr 🙂' })(480);
  expect(text(words)).toBe('Nie je doma – skús neskôr 🙂');
  expect([...words].every((char) => char.charCodeAt(0) < 256)).toBe(true);
});

test('whatever is accepted stays one line of a message', () => {
  fc.assert(
    fc.property(anyText, (phrase) => {
      if (!isPhrase(phrase)) return;
      const words = phraseBook({ preset: 'standard', 200: phrase }, standard)(200);
      expect([...words].every((char) => char >= ' ' && char !== '\u007f')).toBe(true);
      expect(text(words)).toBe(phrase);
    }),
  );
});

test.each(['a\r\nb', 'a\nb', 'a\0b', '\u2028', 'x'.repeat(201), 5, null])('%j is refused', (phrase) =>
  expect(configSchema.safeParse({ phrases: { 200: phrase } }).success).toBe(false),
);
