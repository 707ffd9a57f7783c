import { defineConfig } from 'vitest/config';

/** `unit`: pure, timed and system tests, nothing but Node needed. `wire`: real UDP and real peers (Debian packages). */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/wire/**'], testTimeout: 20_000 } },
      { test: { name: 'wire', include: ['test/wire/**/*.test.ts'], testTimeout: 120_000, fileParallelism: false } },
    ],
  },
});
