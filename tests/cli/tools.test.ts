// The command-line tools, as a person runs them, on a database that was given by DATABASE_URL.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { isRealServer, needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run, start } from '../helpers/processes.ts'

const db = useDatabase()
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowhouse-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))

beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))

const tool = (script: string, ...args: string[]): Promise<Outcome> =>
  run(`scripts/${script}.ts`, args, { DATABASE_URL: db.url, ROWHOUSE_DATA_DIR: join(folder, 'data') })

describe('ingest', () => {
  describe('of a folder with good files, bad files and a collection', () => {
    const ingest = (...paths: string[]): Promise<Outcome> =>
      tool('ingest', '--tenant', 'acme', '--source', 'files', ...paths)
    let files: string
    let first: Outcome
    beforeAll(async () => {
      if (!isRealServer()) return
      files = join(folder, 'files')
      await mkdir(join(files, 'sub', '.hidden'), { recursive: true })
      await writeFile(join(files, 'a.md'), '# Wings\n\nAbout delta wings.')
      await writeFile(join(files, 'sub', 'b.txt'), 'About slender bodies.')
      await writeFile(join(files, 'sub', '.hidden', 'c.txt'), 'Never seen.')
      await writeFile(join(files, 'bad.pdf'), 'this is no PDF')
      await writeFile(join(files, 'empty.txt'), '')
      await writeFile(join(files, 'nul.txt'), 'a\0b')
      await writeFile(join(files, 'program.exe'), 'MZ')
      await writeFile(
        join(files, 'many.jsonl'),
        [
          '{"id": "1", "title": "Shock", "text": "About shock waves."}',
          '{"id": "2", "text": ""}',
          'not json',
          '{"id": 3, "text": "About heat."}',
          '{"title": "no text"}',
        ].join('\n'),
      )
      first = await ingest(files)
    })

    it('loads what is good', () => {
      expect(first.output).toMatch(/6 new, 0 replaced, 0 unchanged, 0 tried again, 5 refused/)
      expect(first.output).toContain('files now has 4 searchable documents, 2 failed.')
    })

    it('reports what is bad, and fails', () => {
      for (const line of [
        'many.jsonl, line 2',
        'many.jsonl, line 3',
        'many.jsonl, line 5',
        'empty.txt',
        'program.exe',
        'bad.pdf',
        'nul.txt',
      ])
        expect(first.output).toContain(line)
      expect(first.code).toBe(1)
    })

    it('does nothing the second time', async () => {
      const second = await ingest(join(files, 'a.md'), join(files, 'sub'))
      expect(second.output).toMatch(/1 new, 0 replaced, 1 unchanged|0 new, 0 replaced, 2 unchanged/)
    })

    it('replaces a file that has changed', async () => {
      await writeFile(join(files, 'a.md'), '# Wings\n\nAbout swept wings.')
      expect((await ingest(join(files, 'a.md'))).output).toMatch(/0 new, 1 replaced/)
      const found = await tool('psql', '--tenant', 'acme', '-c', `select title from app_public.search('swept', 'bm25')`)
      expect(found.output).toContain('Wings')
    })
  })

  it('ends with the same counts after it was killed half-way and run again', async () => {
    const path = join(folder, 'long.jsonl')
    await writeFile(
      path,
      Array.from({ length: 600 }, (_, i) =>
        JSON.stringify({ id: `${i}`, title: `Text ${i}`, text: `About number ${i}. `.repeat(60) }),
      ).join('\n'),
    )
    const killed = start('scripts/ingest.ts', ['--tenant', 'globex', '--source', 'long', path], {
      DATABASE_URL: db.url,
      ROWHOUSE_DATA_DIR: join(folder, 'data'),
    })
    const count = async (): Promise<number> =>
      (await db.pool.query(`select count(*)::int as n from app_public.documents where tenant_id = $1`, [db.globex.id]))
        .rows[0]?.n
    while ((await count()) < 200) await new Promise((resolve) => setTimeout(resolve, 5))
    killed.kill('SIGKILL')
    await killed.ended
    // the killed process was a worker, too: its heartbeat would be believed for another half minute
    await db.pool.query(`delete from core.worker_heartbeats`)
    const again = await tool('ingest', '--tenant', 'globex', '--source', 'long', path)
    expect(again.output).toContain('long now has 600 searchable documents, 0 failed.')
    const { rows } = await db.pool.query(
      `select count(distinct d.id)::int as documents, count(*)::int as chunks, count(distinct (c.document_id, c.ordinal))::int as places,
              (select count(*)::int from app_public.embeddings where tenant_id = $1) as vectors,
              (select count(distinct chunk_id)::int from (
                 select chunk_id from search.changes where tenant_id = $1 and kind = 'added'
                 union all
                 select unnest(chunk_ids) from search.block_chunks where tenant_id = $1) as place) as indexed
         from app_public.documents d join app_public.document_chunks c on c.document_id = d.id where d.tenant_id = $1`,
      [db.globex.id],
    )
    const { chunks } = rows[0]
    expect(rows[0]).toEqual({ documents: 600, chunks, places: chunks, vectors: chunks, indexed: chunks })
  })

  it('says what is missing', async () => {
    expect((await tool('ingest')).output).toContain('Usage: npm run ingest')
    const nobody = await tool('ingest', '--tenant', 'nobody', '--source', 's', folder)
    expect([nobody.code, nobody.output]).toEqual([1, expect.stringContaining('This tenant does not exist')])
    const viewer = await tool('ingest', '--tenant', 'acme', '--as', 'viewer@acme.test', '--source', 'mine', folder)
    expect(viewer.code).toBe(1)
  })
})

describe('tenant, token, doctor', () => {
  it('a tenant is created, listed, given members and deleted', async () => {
    expect(
      (await tool('tenant', 'create', '--slug', 'mine', '--name', 'My team', '--owner', 'me@mine.test')).output,
    ).toContain('npm run token')
    expect(
      (await tool('tenant', 'member', '--slug', 'mine', '--email', 'you@mine.test', '--role', 'viewer')).code,
    ).toBe(0)
    expect((await tool('tenant', 'list')).output).toContain(`'mine'`)
    expect((await tool('tenant', 'delete', '--slug', 'mine')).output).toContain('--yes')
    expect((await tool('tenant', 'delete', '--slug', 'mine', '--yes')).code).toBe(0)
    expect((await tool('tenant', 'list')).output).not.toContain(`'mine'`)
    expect((await tool('tenant', 'create', '--slug', 'No good', '--name', 'x', '--owner', 'me@mine.test')).code).toBe(1)
  })
  it('a token is printed and nothing else', async () => {
    expect((await tool('token', '--email', 'owner@acme.test', '--tenant', 'acme')).output.trim()).toMatch(
      /^[\w-]+\.[\w-]+\.[\w-]+$/,
    )
  })
  it('doctor finds everything in order, and says what to do when it is not', async () => {
    expect(await tool('doctor')).toMatchObject({ code: 0, output: expect.stringContaining('Everything is in order.') })
    await db.pool.query(`update rowhouse_migrations.rules set hash = 'x' || hash`)
    expect(await tool('doctor')).toMatchObject({ code: 1, output: expect.stringContaining('npm run migrate') })
    const server = await run('server.ts', [], {
      DATABASE_URL: db.url,
      PORT: '0',
      ROWHOUSE_DATA_DIR: join(folder, 'data'),
    })
    expect(server).toMatchObject({ code: 1, output: expect.stringContaining('The database is behind this version.') })
    await db.pool.query(`update rowhouse_migrations.rules set hash = substr(hash, 2)`)
  })
})

describe('key', () => {
  it('makes, lists, rotates and revokes API keys, and shows each secret once', async () => {
    const made = await tool(
      ...(['key', 'create', '--tenant', 'acme', '--as', 'admin@acme.test', '--name', 'Nightly import'] as const),
      ...(['--permissions', 'can_create_agents,can_edit_agents', '--ips', '203.0.113.0/24', '--calls', '100'] as const),
    )
    expect(made.output).toMatch(/^rh_live_[0-9A-Za-z]{49}\nThis is [0-9a-f-]{36}\. It is shown only this once\.$/m)
    const id = /This is (\S+)\./.exec(made.output)?.[1] ?? ''
    const { rows } = await db.pool.query(
      'select permissions, allowed_ips::text, max_calls_per_day::int, created_by_user_id from app_public.api_keys where id = $1',
      [id],
    )
    expect(rows).toEqual([
      {
        permissions: '{can_create_agents,can_edit_agents}',
        allowed_ips: '{203.0.113.0/24}',
        max_calls_per_day: 100,
        created_by_user_id: db.acme.admin.userId,
      },
    ])
    const listed = await tool('key', 'list', '--tenant', 'acme')
    expect(listed.output).toContain('Nightly import')
    expect(listed.output).not.toContain(made.output.slice(0, 57))
    const rotated = await tool(
      'key',
      'rotate',
      '--tenant',
      'acme',
      '--as',
      'admin@acme.test',
      '--id',
      id,
      '--grace',
      '60',
    )
    expect(rotated.output).toMatch(/^rh_live_[0-9A-Za-z]{49}\n.*The one before goes on for 60 s\.$/m)
    const revoked = await tool('key', 'revoke', '--tenant', 'acme', '--id', id)
    expect(revoked.output).toContain('Revoked Nightly import and all keys below it.')
  })

  it('says what is wrong, and fails', async () => {
    expect(await tool('key', 'create', '--tenant', 'acme')).toMatchObject({ code: 1 })
    const wrong = await tool(
      'key',
      'create',
      '--tenant',
      'acme',
      '--as',
      'member@acme.test',
      '--name',
      'x',
      '--permissions',
      'can_manage_users',
    )
    expect(wrong.output).toContain('An API key cannot have permissions that you do not have.')
    expect(wrong.code).toBe(1)
  })
})
