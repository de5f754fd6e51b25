// docs/extending.md by doing it: the example of extensions/helpdesk is installed beside Rowhouse, used through all doors, and
// dropped again.

import { execFile } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { graphqlOf } from '../../scripts/generate.ts'
import { dropExtension, migrateUp, migrationState } from '../../server/migrations.ts'
import { useDatabase } from '../helpers/index.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const example = join(root, 'extensions/helpdesk')
const db = useDatabase()

const withExtension = async <T>(directory: string, work: () => Promise<T>): Promise<T> => {
  process.env.ROWHOUSE_EXTENSIONS = directory
  try {
    return await work()
  } finally {
    delete process.env.ROWHOUSE_EXTENSIONS
  }
}

const doctor = async (extensions: string): Promise<{ code: number; text: string }> => {
  try {
    const { stdout } = await run('node', [join(root, 'scripts/doctor.ts')], {
      env: { ...process.env, DATABASE_URL: db.url, ROWHOUSE_EXTENSIONS: extensions },
    })
    return { code: 0, text: stdout }
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string }
    return { code, text: stdout }
  }
}

it('the code of docs/extending.md is the code of the example', async () => {
  const page = await readFile(join(root, 'docs/extending.md'), 'utf8')
  for (const part of ['migrations', 'sql', 'tasks', 'sources']) {
    for (const file of await readdir(join(example, part))) {
      if (file.endsWith('.down.sql')) continue
      expect(page).toContain((await readFile(join(example, part, file), 'utf8')).trim())
    }
  }
})

describe('an extension that is not secured', () => {
  let directory = ''
  beforeAll(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'rowhouse-extension-')), 'helpdesk')
    await cp(example, directory, { recursive: true })
    await rename(join(directory, 'sql'), join(directory, 'rules'))
  })
  afterAll(() => rm(join(directory, '..'), { recursive: true }))

  it('is refused with the table and what to call', async () => {
    await withExtension(directory, async () => {
      await expect(migrateUp(db.url)).rejects.toThrow(/helpdesk\.tickets: has no wall \(call core\.secure_tenant_table/)
    })
    await withExtension(directory, () => dropExtension(db.url, 'helpdesk'))
    await migrateUp(db.url)
  })
})

describe('the example', () => {
  beforeAll(() => withExtension(example, () => migrateUp(db.url)))

  it('has the wall: a ticket is seen in its tenant and in no other', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      await t.query(`insert into helpdesk.tickets (subject) values ('The printer')`)
      expect(await t.value('select count(*)::int from helpdesk.tickets')).toBe(1)
      await t.become(db.globex.owner)
      expect(await t.value('select count(*)::int from helpdesk.tickets')).toBe(0)
    }))

  it('has the guard: nobody opens a ticket in a suspended tenant', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'unpaid' where id = $1`, [
        db.acme.id,
      ])
      await t.become(db.acme.member)
      expect(await t.errorCode(`insert into helpdesk.tickets (subject) values ('The printer')`)).toBe('TN202')
    }))

  it('lets those who manage settings close a ticket, and nobody else', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const id = await t.value(`insert into helpdesk.tickets (subject) values ('The printer') returning id`)
      expect(await t.errorCode('select helpdesk.close_ticket($1)', [id])).toBe('ID203')
      await t.become(db.acme.owner)
      expect(await t.value('select (helpdesk.close_ticket($1)).status', [id])).toBe('closed')
      expect(await t.errorCode('select helpdesk.close_ticket(gen_random_uuid())')).toBe('YH301')
    }))

  it('is in core.who_may beside our own tables', async () => {
    const { rows } = await db.pool.query(
      `select who from core.who_may where table_name = 'helpdesk.tickets' and command = 'insert'`,
    )
    expect(rows).toEqual([{ who: 'everyone in the tenant' }])
  })

  it('is served by GraphQL', async () => {
    const schema = await withExtension(example, () => graphqlOf(db.url))
    expect(schema).toMatch(/^type HelpdeskTicket /m)
    expect(schema).toMatch(/^ {2}helpdeskCloseTicket\(/m)
    expect(schema).toMatch(/^enum HelpdeskTicketStatus/m)
  })

  it('brings its task, whose name begins with its own', async () => {
    const { loadTasks } = await import('../../server/worker/index.ts')
    const { tasks } = await withExtension(example, loadTasks)
    expect(Object.keys(tasks)).toContain('helpdesk__close_stale_tickets')
  })

  it('is in doctor, which says so when its folder is not named', async () => {
    expect((await doctor(example)).text).toMatch(/extension +helpdesk: 1 applied, 0 pending/)
    const without = await doctor('')
    expect(without.code).toBe(1)
    expect(without.text).toMatch(/npm run migrate -- drop-extension helpdesk/)
  })

  it('keeps the tables it stands on from being reverted', async () => {
    const { migrateDown } = await import('../../server/migrations.ts')
    await expect(migrateDown(db.url, 1)).rejects.toThrow(/Extensions stand on these tables: helpdesk/)
  })

  it('is dropped cleanly: its schema and its state are gone, ours is as before', async () => {
    await withExtension(example, () => dropExtension(db.url, 'helpdesk'))
    await migrateUp(db.url)
    const { rows } = await db.pool.query(`select to_regnamespace('helpdesk') as schema`)
    expect(rows).toEqual([{ schema: null }])
    const state = await migrationState(db.pool)
    expect(state.extensions).toEqual([])
    expect(state.rules).toBe('current')
  })
})

describe('a setting that cannot be', () => {
  it.each([
    ['/nowhere/helpdesk', /there is no folder/],
    ['extensions/Help-Desk', /lower-case letters/],
    ['extensions/billing', /is Rowhouse's own/],
    [`${example},${example}`, /two folders/],
  ])('%s is refused in words', async (setting, why) => {
    const { extensions } = await import('../../server/extensions.ts')
    expect(() => extensions(setting)).toThrow(why)
  })
})
