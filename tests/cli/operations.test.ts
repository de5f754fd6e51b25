// docs/operations.md: every statement that it gives runs, and a rotated secret does what it says.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { root } from '../helpers/processes.ts'
import { startTestServer } from '../helpers/server.ts'

const db = useDatabase()
const page = await readFile(join(root, 'docs/operations.md'), 'utf8')

/** The statements of each section, without their comments. */
const sections = page
  .split(/^## /m)
  .map((text) => ({
    title: text.split('\n', 1)[0] ?? '',
    statements: [...text.matchAll(/^```sql\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
      block
        .replaceAll(/--.*$/gm, '')
        .split(/;\s*$|;\s*\n/)
        .map((statement) => statement.trim())
        .filter((statement) => statement !== ''),
    ),
  }))
  .filter(({ statements }) => statements.length > 0)

describe('every statement of operations.md runs', () => {
  beforeEach((context) => needsServer(context, 'an administrator works on a server'))

  it('and there are some', () => {
    expect(sections.map(({ title }) => title)).toEqual([
      'The search index',
      'Metering',
      'Suspend a tenant',
      'Find slow queries',
      'Rebuild an index',
    ])
  })

  it.each(sections)('of "$title"', async ({ statements }) => {
    const client = await db.pool.connect()
    try {
      // as the page says, for one tenant
      await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [db.acme.id])
      // an index that is built concurrently has no transaction around it
      const isAlone = statements.some((statement) => statement.includes('concurrently'))
      if (!isAlone) await client.query('begin')
      for (const statement of statements) {
        const filled = statement.replace("'TENANT'", `'${db.acme.id}'`).replace('PID', '0')
        if (!isAlone) await client.query('savepoint before')
        // where it is not preloaded, or not even installed, the page says what to do first
        const expected = statement.includes('pg_stat_statements') ? [undefined, '42P01', '55000'] : [undefined]
        const code = await client.query(filled).then(
          () => undefined,
          (error: { code: string }) => error.code,
        )
        expect(expected, statement).toContain(code)
        if (!isAlone) await client.query(code ? 'rollback to before' : 'release before')
      }
      if (!isAlone) await client.query('rollback')
    } finally {
      client.release(true)
    }
  })
})

it('a tenant that is suspended in SQL reads, and writes nothing, until it is active again', async () => {
  const [suspend, reactivate] = sections.find(({ title }) => title === 'Suspend a tenant')?.statements ?? []
  await db.inTransaction(async (t) => {
    const write = `insert into app_public.agents (name) values ('An agent')`
    await t.query(suspend ?? '')
    await t.become(db.acme.owner)
    expect((await t.query('select name from app_public.tenants')).length).toBeGreaterThan(0)
    expect(await t.errorCode(write)).toBe('TN202')
    await t.becomeSuperuser()
    await t.query(reactivate ?? '')
    await t.become(db.acme.owner)
    expect(await t.errorCode(write)).toBeUndefined()
  })
})

it('tokens of the old JWT_SECRET are refused by a server that has the new one', async (context) => {
  needsServer(context, 'two servers share the database')
  const before = await startTestServer(db.url)
  const after = await startTestServer(db.url, { JWT_SECRET: 'YW5vdGhlciBzZWNyZXQgdGhhdCBpcyBsb25nIGVub3VnaA' })
  try {
    const status = async (url: string, token: string): Promise<number> =>
      (
        await fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify({ query: '{ agents(first: 1) { nodes { id } } }' }),
        })
      ).status
    const [old, fresh] = await Promise.all([before.token(db.acme.owner.email), after.token(db.acme.owner.email)])
    expect(await status(before.url, old)).toBe(200)
    expect(await status(after.url, old)).toBe(401)
    expect(await status(after.url, fresh)).toBe(200)
  } finally {
    await Promise.all([before.close(), after.close()])
  }
})
