// The words of `auth`: modes, for all or by domain, and digest algorithms.

/** What needs a password: nothing, REGISTER alone, or everything that opens something. */
export type AuthMode = 'open' | 'register' | 'required';
const MODES: readonly AuthMode[] = ['open', 'register', 'required'];

/** RFC 8760 §2.1. */
export const DIGEST_ALGORITHMS = ['SHA-512-256', 'SHA-256', 'MD5'] as const;

export function isAuthMode(raw: unknown): raw is AuthMode {
  return MODES.some((mode) => mode === raw);
}

/** A map, `DOMAIN=MODE`, several of these with commas, or a list of them. undefined: none of that. */
export function readModes(
  raw: unknown,
  readHost: (text: string) => string | undefined,
): Readonly<Record<string, AuthMode>> | undefined {
  const modes: Record<string, AuthMode> = {};
  for (const [name, mode] of pairs(raw) ?? [['', undefined]]) {
    const host = readHost(name.trim());
    if (host === undefined || !isAuthMode(mode)) return undefined;
    modes[host] = mode;
  }
  return modes;
}

function pairs(raw: unknown): [string, unknown][] | undefined {
  if (raw === '') return [];
  if (typeof raw === 'string') return raw.split(',').map(pair);
  if (Array.isArray(raw)) return raw.flatMap((one) => pairs(one) ?? [['', undefined]]);
  return typeof raw === 'object' && raw !== null ? Object.entries(raw) : undefined;
}

function pair(text: string): [string, unknown] {
  const cut = text.lastIndexOf('=');
  return [text.slice(0, cut), text.slice(cut + 1).trim()];
}
