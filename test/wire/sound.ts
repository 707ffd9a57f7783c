// A sound for phones without a sound card.
import { writeFileSync } from 'node:fs';

/** Writes a 440 Hz tone: 16 bit PCM, mono. `seconds` long: longer than any call that plays it. */
export function writeTone(path: string, options: { rate?: number; seconds?: number } = {}): void {
  const rate = options.rate ?? 8_000;
  const samples = rate * (options.seconds ?? 30);
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0, 'latin1');
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8, 'latin1');
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    wav.writeInt16LE(Math.round(8_000 * Math.sin((2 * Math.PI * 440 * i) / rate)), 44 + i * 2);
  }
  writeFileSync(path, wav);
}
