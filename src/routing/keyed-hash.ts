// Keyed hashes for branches, cookies and nonces: SHA-256 over key and text, cut short (so nothing can be extended).
import * as crypto from 'node:crypto';

/** Takes latin1 text, gives base64url. */
export type KeyedHash = (text: string) => string;

/**
 * SHA-256 over key and text, cut short, so that nothing can be extended. `key` is secret and stays the same over
 * restarts; `use` keeps hashes for different purposes apart.
 */
export function keyedHash(key: string, use: string, length: number): KeyedHash {
  const prefix = `${use}\0${key}\0`;
  // One call without an object, 0.4 µs when hot; Node has it since 20.12.
  return (text) => crypto.hash('sha256', prefix + text, 'base64url').slice(0, length);
}
