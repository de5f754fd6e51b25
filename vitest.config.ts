// One runner for all tests. The engine is chosen in tests/helpers/setup.ts, which says in the first line which it is.

import { defineConfig } from 'vitest/config'

export default defineConfig({
  // what is imported here and what PostGraphile requires must be one and the same module
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['tests/**/*.test.ts'],
    globalSetup: ['tests/helpers/setup.ts'],
    reporters: ['default', './tests/helpers/reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 240_000,
    hookTimeout: 240_000,
    env: { DATAPLAN_PG_PREPARED_STATEMENT_CACHE_SIZE: '0' },
  },
})
