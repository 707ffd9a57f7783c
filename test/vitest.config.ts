import { defineConfig } from 'vitest/config';

/**
 * `unit`: pure, timed and system tests, nothing but Node needed. `conformance`: RFC by RFC over UDP on loopback, nothing
 * but Node needed. `wire`: real UDP and real peers (Debian packages).
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/wire/**', 'test/conformance/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'conformance',
          include: ['test/conformance/**/*.test.ts'],
          globalSetup: 'test/conformance/build.ts',
          testTimeout: 30_000,
          maxConcurrency: 20,
        },
      },
      {
        test: {
          name: 'wire',
          include: ['test/wire/**/*.test.ts'],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
