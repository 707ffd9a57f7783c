// The words our own responses carry: RFC 3261's, the classic proxy's, or the operator's. Nothing is decided by them.

/** Codes to words; `preset` lies underneath. */
export interface Phrases {
  readonly preset: 'standard' | 'classic';
  readonly [code: string]: string;
}

/** In the light manner of the old proxy. */
const CLASSIC: Readonly<Record<string, string>> = {
  100: 'Moment, uz to vybavujem',
  200: 'OK - pohoda',
  400: 'Ajaj, zla poziadavka',
  403: 'Tak toto teda nie',
  404: 'Takeho tu nepozname',
  406: 'Hm, toto sa mi nepozdava',
  408: 'Nikto sa neozval, skoda',
  480: 'Nie je doma, skus neskor',
  481: 'O takom hovore nic neviem',
  483: 'Uz som z toho skakania unaveny',
  487: 'Dobre, rusim to',
  500: 'Ups, nieco sa mi pokazilo',
  503: 'Mam toho teraz vela',
};

/**
 * The reason for a status, as a latin1 string of UTF-8 bytes (as messages hold their text).
 * `standard` is asked for codes that have no words of their own.
 */
export function phraseBook(
  phrases: Phrases,
  standard: (status: number) => string,
): (status: number) => string {
  const book = new Map<number, string>();
  for (const words of [phrases.preset === 'classic' ? CLASSIC : {}, phrases])
    for (const [code, phrase] of Object.entries(words))
      if (code !== 'preset') book.set(Number(code), Buffer.from(phrase, 'utf8').toString('latin1'));
  return (status) => book.get(status) ?? standard(status);
}

/** One line of printable text; RFC 3261 §25.1 Reason-Phrase. */
export function isPhrase(words: string): boolean {
  return words.length <= 200 && !/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(words);
}
