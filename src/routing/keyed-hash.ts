// Keyed hashes: a strong one for what must not be forged (cookies, nonces), a quick one for what must not be guessed (branches).
import * as crypto from 'node:crypto';
import { halfSipHash } from './siphash.ts';

/** Takes latin1 text, gives base64url. */
export type KeyedHash = (text: string) => string;

/**
 * SHA-256 over key and text, cut short, so that nothing can be extended. `key` is secret and stays the same over
 * restarts; `use` keeps hashes for different purposes apart.
 */
export function keyedHash(key: string, use: string, length: number): KeyedHash {
  const prefix = `${use}\0${key}\0`;
  // crypto.hash is one call without an object; Node has it since 20.12.
  return (text) => crypto.hash('sha256', prefix + text, 'base64url').slice(0, length);
}

/** 12 characters at a third of the price: eight or nine of these are made for each call. */
export function quickHash(key: string, use: string): KeyedHash {
  const seed = crypto.createHash('sha256').update(`${use}\0${key}`).digest();
  const words = { k0: seed.readInt32LE(0), k1: seed.readInt32LE(4) };
  return (text) => halfSipHash(text, words);
}
