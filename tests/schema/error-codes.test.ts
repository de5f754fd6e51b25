// docs/error-codes.md is the registry of error codes; this compares it with the code.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { neutralMessages, ownCode } from '../../server/errors.ts'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../..')

async function textsOf(directory: string): Promise<string> {
  const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => readFile(join(entry.parentPath, entry.name), 'utf8'))
  return (await Promise.all(files)).join('\n')
}

it('every code that is raised is in the registry once, and every one there is raised', async () => {
  const registry = await readFile(join(root, 'docs/error-codes.md'), 'utf8')
  const documented = [...registry.matchAll(/^\| `([A-Z]{2}\d{3})` \|/gm)].map(([, code]) => code as string)
  const code = `${await textsOf('sql')}\n${await textsOf('server')}`
  const raised = new Set(
    [
      ...code.matchAll(
        /(?:raise_error\(|refuse_faults\(|refusal_code := |PublicError\(\s*\d+,\s*|StepError\()'([A-Z]{2}\d{3})'/g,
      ),
    ].map(([, found]) => found as string),
  )
  expect(new Set(documented).size).toBe(documented.length)
  expect([...raised].sort()).toEqual([...documented].sort())
})

it('every code has a domain of I to Z but P and X, and a known kind', async () => {
  const registry = await readFile(join(root, 'docs/error-codes.md'), 'utf8')
  for (const [, code] of registry.matchAll(/^\| `([A-Z]{2}\d{3})` \|/gm)) expect(code).toMatch(ownCode)
})

it("every code that a function names in its tag @errors is in the registry, or PostgreSQL's own with a message of ours", async () => {
  const registry = await readFile(join(root, 'docs/error-codes.md'), 'utf8')
  const codes = [...(await textsOf('sql')).matchAll(/@errors ([\w ]+)/g)].flatMap(([, list = '']) => list.split(/\s+/))
  expect(codes.length).toBeGreaterThan(100)
  const known = new Set([...registry.matchAll(/^\| `(\w{5})` \|/gm)].map(([, code]) => code))
  expect(codes.filter((code) => code && !known.has(code) && !(code in neutralMessages))).toEqual([])
})

it('the database and the server agree on which codes are shown to users', async () => {
  const codes = ['ID203', 'RH903', 'YA301', 'ZZ601', 'P0001', 'XX000', 'PT401', '23505', 'AA301', 'ID703', 'ID2033', '']
  for (const code of codes) {
    const { rows } = await db.pool.query('select core.is_public_error($1) as "isPublic"', [code])
    expect([code, rows[0].isPublic]).toEqual([code, ownCode.test(code) && code[2] !== '9'])
  }
})
