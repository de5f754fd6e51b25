// What the documentation names exists: a page that speaks of a function or table of yesterday misleads.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const root = join(import.meta.dirname, '../..')

/** The pages for readers of today; decisions and the changelog speak of the past. */
async function pages(): Promise<{ page: string; text: string }[]> {
  const docs = (await readdir(join(root, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)
  const names = ['README.md', 'CONVENTIONS.md', ...docs]
  return Promise.all(names.map(async (page) => ({ page, text: await readFile(join(root, page), 'utf8') })))
}

describe('every page', () => {
  it('names functions, tables, types and columns that exist', async () => {
    const { rows: schemas } = await db.pool.query<{ name: string }>(
      `select nspname as name from pg_namespace where nspowner = 'rowhouse_owner'::regrole`,
    )
    const { rows: objects } = await db.pool.query<{ name: string }>(`
      select n.nspname || '.' || o.name as name
        from (select relnamespace as namespace, relname as name from pg_class
              union select pronamespace, proname from pg_proc
              union select typnamespace, typname from pg_type) as o
        join pg_namespace n on n.oid = o.namespace and n.nspowner = 'rowhouse_owner'::regrole`)
    const known = new Set(objects.map(({ name }) => name))
    const qualified = new RegExp(
      `(?<![\\w./-])(${schemas.map(({ name }) => name).join('|')})\\.([a-z_0-9]+)\\b(?![…%]|\\.(ts|md|sql))`,
      'g',
    )
    const unknown = (await pages()).flatMap(({ page, text }) =>
      [...text.matchAll(qualified)]
        .map(([name]) => name)
        // config.search.logQueries, search.language: settings and files, not objects
        .filter((name) => !known.has(name) && !/\.(ts|md|sql|test|json)$/.test(name))
        // a partition of a month is an example
        .filter((name) => !/_20\d\d_\d\d$/.test(name))
        .map((name) => `${page}: ${name}`),
    )
    expect([...new Set(unknown)]).toEqual([])
  })

  it('speaks of no schema that is gone', async () => {
    const gone = (await pages()).filter(({ text }) => /app_(private|hidden)\b/.test(text)).map(({ page }) => page)
    expect(gone).toEqual([])
  })

  it('links to pages that exist', async () => {
    const broken: string[] = []
    for (const { page, text } of await pages()) {
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue
        const path = join(root, page, '..', target)
        await readFile(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== 'EISDIR') broken.push(`${page}: ${target}`)
        })
      }
    }
    expect(broken).toEqual([])
  })

  it('names files that exist', async () => {
    const missing: string[] = []
    for (const { page, text } of await pages()) {
      for (const [, path = ''] of text.matchAll(
        /`((?:sql|server|tests|docs|scripts|migrations|tasks|bench|seeds)\/[\w./-]+)`/g,
      )) {
        if (path.includes('NN_')) continue
        await stat(join(root, path)).catch(() => missing.push(`${page}: ${path}`))
      }
    }
    expect(missing).toEqual([])
  })

  it('and every message of the programs names commands and sections that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    const operations = await readFile(join(root, 'docs/operations.md'), 'utf8')
    const texts = await Promise.all([
      ...(await pages()).map(({ text }) => text),
      ...(await readdir(join(root, 'server'), { recursive: true }))
        .filter((path) => path.endsWith('.ts'))
        .map((path) => readFile(join(root, 'server', path), 'utf8')),
      ...(await readdir(join(root, 'scripts'))).map((path) => readFile(join(root, 'scripts', path), 'utf8')),
    ])
    const all = texts.join('\n')
    const commands = [...all.matchAll(/npm run (?:-s |--silent )?([a-z][\w-]*)/g)].map(([, name = '']) => name)
    expect(commands.filter((name) => !(name in scripts))).toEqual([])
    const sections = [...all.matchAll(/docs\/operations\.md, "([^"]+)"/g)].map(([, name = '']) => name)
    expect(sections.filter((name) => !operations.includes(`## ${name}\n`))).toEqual([])
  })
})
