// Exports of a tenant and of a person: complete, once by a link, cancelled, begun again.

import { createHash } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import { fromBufferPromise } from 'yauzl'
import { useDatabase } from '../helpers/index.ts'
import { fillTables } from '../rls/rows/index.ts'
import { as, tenantCounts, work } from './helpers.ts'

const db = useDatabase()
beforeAll(async () => fillTables(db))

type Exported = { id: string; status: string; sha256: string; row_count: string; is_of_all_tenants: boolean }
const exportOf = async (id: string): Promise<Exported> =>
  (await db.pool.query('select * from app_public.data_exports where id = $1', [id])).rows[0]
const fileOf = async (id: string): Promise<Buffer> =>
  (
    await db.pool.query(
      `select string_agg(content, '' order by part_number) as file from governance.export_parts where export_id = $1`,
      [id],
    )
  ).rows[0].file
const run = (tenantId: string, exportId: string) => work(db, 'governance__export', { tenantId, exportId })

async function entriesOf(file: Buffer): Promise<Record<string, string>> {
  const zip = await fromBufferPromise(file)
  const entries: Record<string, string> = {}
  for await (const entry of zip.eachEntry())
    entries[entry.fileName] = await text(await zip.openReadStreamPromise(entry))
  return entries
}

describe('the export of a tenant', () => {
  let entries: Record<string, string>
  let manifest: { tables: Record<string, { rows: number; sha256: string }>; files: number }
  beforeAll(async () => {
    const counts = await tenantCounts(db, db.acme.id)
    expect(counts['app_public.agents']).toBeGreaterThan(0)
    // what only looks like the line of a file is none
    await db.pool.query(
      `update app_public.documents set metadata = '{"file": "files/app_public.documents.metadata/../x", "size": 3, "sha256": "x"}'`,
    )
    const id = await as(db, db.acme.owner, (t) => t.value<string>('select (app_public.export_tenant()).id'))
    await run(db.acme.id, id)
    const done = await exportOf(id)
    expect(done.status).toBe('completed')
    const file = await fileOf(id)
    expect(createHash('sha256').update(file).digest('hex')).toBe(done.sha256)
    entries = await entriesOf(file)
    manifest = JSON.parse(entries['manifest.json'] ?? '')
  })

  it('has every row of every table with rows of tenants, but for secrets and exports', async () => {
    const counts = await tenantCounts(db, db.acme.id)
    const expected = Object.fromEntries(
      Object.entries(counts).filter(
        ([name]) =>
          !name.startsWith('vault.') &&
          // the audit goes on while the export is written: the export itself is recorded
          name !== 'audit.ledger' &&
          !['app_public.data_exports', 'governance.export_parts', 'governance.export_tickets'].includes(name),
      ),
    )
    const found = Object.fromEntries(Object.entries(manifest.tables).map(([name, { rows }]) => [name, rows]))
    expect(found).toEqual({ ...expected, 'app_public.tenants': 1, 'audit.ledger': found['audit.ledger'] })
    expect(found['audit.ledger']).toBeGreaterThan(0)
    expect(found['audit.ledger']).toBeLessThanOrEqual(counts['audit.ledger'] ?? 0)
  })

  it('has the lines that its manifest says, with their hashes, and nothing of another tenant', () => {
    for (const [name, { rows, sha256 }] of Object.entries(manifest.tables)) {
      const lines = entries[`${name}.jsonl`] ?? ''
      expect([name, lines.split('\n').length - 1]).toEqual([name, rows])
      expect(createHash('sha256').update(lines).digest('hex')).toBe(sha256)
    }
    expect(JSON.stringify(entries)).not.toContain(db.globex.id)
  })

  it('has the bytes of files beside the lines that name them', () => {
    const [line = ''] = (entries['knowledge.document_files.jsonl'] ?? '').split('\n')
    const { content } = JSON.parse(line)
    expect(entries[content.file]).toBe('d')
    expect(content).toMatchObject({ size: 1, sha256: createHash('sha256').update('d').digest('hex') })
    expect(manifest.files).toBe(Object.keys(entries).filter((name) => name.startsWith('files/')).length)
  })
})

it('reads a table without a primary key to its end, also when its partitions have rows at the same place', async () => {
  await db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    const id = await t.value('select (app_public.export_tenant()).id')
    await t.becomeSuperuser()
    await t.query(
      `insert into metering.usage_minutes
       select (jsonb_populate_record(m, jsonb_build_object('minute', d))).*
         from metering.usage_minutes m, unnest('{2010-03-05,2010-04-05}'::timestamptz[]) as d where m.tenant_id = $1`,
      [db.acme.id],
    )
    const keys = new Set<string>()
    for (let after: string | null = null; ; ) {
      const [row]: { key: string[] }[] = await t.query(
        `select key from governance.export_page($1, $2, 'metering.usage_minutes', $3, 1)`,
        [db.acme.id, id, after],
      )
      if (!row) break
      after = JSON.stringify(row.key)
      keys.add(after)
    }
    const count = await t.value('select count(*) from metering.usage_minutes where tenant_id = $1', [db.acme.id])
    expect(keys.size).toBe(Number(count))
    expect(keys.size).toBeGreaterThan(2)
  })
})

it("exports a person's own data of all tenants, and only rows that name the person", async () => {
  const { member } = db.acme
  const id = await as(db, member, (t) => t.value<string>('select (app_public.export_person()).id'))
  await run(db.acme.id, id)
  expect(await exportOf(id)).toMatchObject({ status: 'completed', is_of_all_tenants: true })
  const entries = await entriesOf(await fileOf(id))
  expect(JSON.parse(entries['app_public.user_profiles.jsonl'] ?? '')).toMatchObject({ id: member.userId })
  for (const line of (entries['app_public.user_tenants.jsonl'] ?? '').trim().split('\n'))
    expect(JSON.stringify(JSON.parse(line))).toContain(member.userId)
})

it('lets only those who manage people export another person, and only those of this tenant', async () => {
  await db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    expect(await t.errorCode('select app_public.export_person($1)', [db.acme.owner.userId])).toBe('ID203')
    expect(await t.errorCode('select app_public.export_tenant()')).toBe('ID203')
    await t.become(db.acme.owner)
    expect(await t.errorCode('select app_public.export_person($1)', [db.globex.member.userId])).toBe('RT302')
    await t.query('select app_public.export_person($1)', [db.acme.member.userId])
    expect(await t.errorCode('select app_public.export_person($1)', [db.acme.member.userId])).toBe('RT501')
  })
})

describe('the link of an export', () => {
  it('is good for one download by the one who asked, and not for an export that is not complete', async () => {
    const { owner } = db.acme
    const id = await as(db, owner, (t) => t.value<string>('select (app_public.export_tenant()).id'))
    await expect(as(db, owner, (t) => t.query('select app_public.create_export_link($1)', [id]))).rejects.toMatchObject(
      { code: 'RT502' },
    )
    await run(db.acme.id, id)
    const ticket = await as(db, owner, (t) => t.value<string>('select (app_public.create_export_link($1)).id', [id]))
    const download = (person = owner) =>
      as(db, person, (t) => t.query<{ part_count: number }>('select * from governance.begin_download($1)', [ticket]))
    await expect(download(db.acme.member)).rejects.toMatchObject({ code: 'RT304' })
    expect((await download())[0]?.part_count).toBeGreaterThan(0)
    await expect(download()).rejects.toMatchObject({ code: 'RT304' })
  })

  it('is refused when it has expired', async () => {
    const { owner } = db.globex
    const id = await as(db, owner, (t) => t.value<string>('select (app_public.export_tenant()).id'))
    await run(db.globex.id, id)
    const ticket = await as(db, owner, (t) => t.value<string>('select (app_public.create_export_link($1)).id', [id]))
    await db.pool.query(`update governance.export_tickets set expires_at = now() - interval '1 second' where id = $1`, [
      ticket,
    ])
    await expect(as(db, owner, (t) => t.query('select governance.begin_download($1)', [ticket]))).rejects.toMatchObject(
      { code: 'RT304' },
    )
  })
})

it('stops when it is cancelled, and leaves no bytes', async () => {
  const { owner } = db.acme
  const id = await as(db, owner, (t) => t.value<string>('select (app_public.export_tenant()).id'))
  await db.pool.query('select governance.begin_export($1, $2)', [db.acme.id, id])
  await as(db, owner, (t) => t.query('select app_public.cancel_export($1)', [id]))
  const stored = await db.pool.query('select governance.write_export($1, $2, 1, 0, $3, 0, 0) as stored', [
    db.acme.id,
    id,
    Buffer.from('x'),
  ])
  expect(stored.rows[0].stored).toBe(false)
  await run(db.acme.id, id)
  expect((await exportOf(id)).status).toBe('cancelled')
  expect(await fileOf(id)).toBeNull()
})

it('begins anew after a kill, and what the first attempt still writes is refused', async () => {
  const { owner } = db.acme
  const id = await as(db, owner, (t) => t.value<string>('select (app_public.export_tenant()).id'))
  const write = async (attempt: number) =>
    (
      await db.pool.query('select governance.write_export($1, $2, $3, 0, $4, 0, 0) as stored', [
        db.acme.id,
        id,
        attempt,
        Buffer.from('x'),
      ])
    ).rows[0].stored
  await db.pool.query('select governance.begin_export($1, $2)', [db.acme.id, id])
  expect(await write(1)).toBe(true)
  await db.pool.query('select governance.begin_export($1, $2)', [db.acme.id, id])
  expect(await write(1)).toBe(false)
  await run(db.acme.id, id)
  expect((await exportOf(id)).status).toBe('completed')
  expect(Object.keys(await entriesOf(await fileOf(id)))).toContain('manifest.json')
})
