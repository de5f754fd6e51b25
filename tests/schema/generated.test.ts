// generated/ shows in a diff what a change does to the schema and to the API. It must not be stale.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { securityPage } from '../../scripts/exceptions.ts'
import { graphqlOf, sqlOf } from '../../scripts/generate.ts'
import { engine, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const generated = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, '../../generated', name), 'utf8')

it('generated/schema.graphql is the API of this version (npm run generate)', async () => {
  expect(await graphqlOf(db.url)).toBe(await generated('schema.graphql'))
})

it('generated/schema.sql is the schema of this version (npm run generate)', async (context) => {
  const chosen = engine()
  if (chosen.kind !== 'postgres' || chosen.version !== 15)
    context.skip('generated/schema.sql is written on PostgreSQL 15')
  expect(await sqlOf(db.url)).toBe(await generated('schema.sql'))
})

it('docs/security.md lists every function outside the wall and every global table (npm run generate)', async () => {
  expect(await securityPage()).toBe(await readFile(join(import.meta.dirname, '../../docs/security.md'), 'utf8'))
})

it('docs/security.md gives a reason for each of them', async () => {
  expect((await securityPage()).match(/^\| .* \| *\|$/gm)).toBeNull()
})
