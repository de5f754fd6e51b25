// A managed service's administrator is no superuser and bypasses no policy. On each version of PostgreSQL that is here, such
// a login migrates a fresh server, and every command works with it or says which login to use.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FreshServer, hasLocalServer, type LocalVersion, startFreshServer } from '../helpers/fresh-server.ts'
import { engine } from '../helpers/index.ts'
import { type Outcome, run, start } from '../helpers/processes.ts'
import { withDatabase } from '../helpers/setup.ts'

const versions: LocalVersion[] = [15, 17]

describe.each(versions)('on PostgreSQL %i', (version) => {
  let server: FreshServer | undefined
  let folder: string
  const as = (login: string, database = 'house'): string =>
    withDatabase(server?.url ?? '', database).replace('//postgres@', `//${login}@`)

  async function asSuperuser(database: string, ...statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: as('postgres', database) })
    await client.connect()
    for (const statement of statements) await client.query(statement)
    await client.end()
  }
  /** A command with this login's DATABASE_URL. */
  const command = (login: string, name: string, ...args: string[]): Promise<Outcome> =>
    run(`scripts/${name}.ts`, args, { DATABASE_URL: as(login), ROWHOUSE_DATA_DIR: folder })

  async function expectOutput(outcome: Promise<Outcome>, text: string): Promise<void> {
    expect(await outcome).toEqual({ code: 0, output: expect.stringContaining(text) })
  }

  beforeAll(async () => {
    if (engine().kind !== 'postgres' || !(await hasLocalServer(version))) return
    folder = await mkdtemp(join(tmpdir(), 'rowhouse-managed-'))
    await writeFile(join(folder, 'pantry.md'), 'The pantry is behind the kitchen.')
    server = await startFreshServer(version)
    await asSuperuser(
      'postgres',
      'create role administrator login createrole',
      'create role other_administrator login createrole',
      'create role nobody login',
      'create database house owner administrator',
      'create database bare owner administrator',
      'create database second owner other_administrator',
    )
    // a managed service lets its administrator do this; Debian's package does not
    await asSuperuser('house', 'create extension vector')
    await asSuperuser('second', 'create extension vector')
    expect(await command('administrator', 'migrate')).toMatchObject({ code: 0 })
    await expectOutput(
      command('administrator', 'tenant', 'create', '--slug', 'mine', '--name', 'Mine', '--owner', 'me@example.com'),
      'Created mine',
    )
  }, 120_000)
  afterAll(async () => {
    await server?.stop()
    if (server) await rm(folder, { recursive: true })
  })
  beforeEach((context) => {
    if (!server) context.skip(`scripts/postgres-debian.sh ${version} starts the server that this needs`)
  })

  it('doctor finds everything in order', () =>
    expectOutput(command('administrator', 'doctor'), 'Everything is in order.'))

  it('tenant makes members, lists and deletes', async () => {
    const tenant = (...args: string[]) => command('administrator', 'tenant', ...args)
    await expectOutput(
      tenant('create', '--slug', 'gone', '--name', 'Gone', '--owner', 'me@example.com'),
      'Created gone',
    )
    await expectOutput(tenant('member', '--slug', 'gone', '--email', 'you@example.com'), 'member of gone')
    await expectOutput(tenant('list'), 'gone')
    await expectOutput(tenant('delete', '--slug', 'gone', '--yes'), 'Deleted gone')
  })

  it('ingest loads files, and psql finds them inside the walls of the tenant', async () => {
    await expectOutput(
      command('administrator', 'ingest', '--tenant', 'mine', '--source', 'House', join(folder, 'pantry.md')),
      '1 searchable documents, 0 failed',
    )
    const search = `select title, current_user from app_public.search('pantry')`
    await expectOutput(command('administrator', 'psql', '--tenant', 'mine', '-c', search), 'rowhouse_user')
    await expectOutput(command('administrator', 'psql', '-c', 'select current_user'), 'administrator')
  })

  it('jobs and token work', async () => {
    await expectOutput(command('administrator', 'jobs', 'list'), 'jobs: ')
    expect((await command('administrator', 'token', '--email', 'me@example.com')).output).toMatch(/^ey/)
  })

  it('the worker works', async () => {
    const worker = start('server.ts', ['--worker'], { DATABASE_URL: as('administrator'), ROWHOUSE_DATA_DIR: folder })
    await worker.says('The worker is running.')
    worker.kill()
    expect(await worker.ended).toMatchObject({ code: 0 })
  })

  it('psql suspends a tenant and lets it go on', async () => {
    const set = (status: string) =>
      command(
        'administrator',
        'psql',
        '-c',
        `select status from tenancy.set_tenant_status((select id from tenancy.list_tenants() where slug = 'mine'), '${status}')`,
      )
    await expectOutput(set('suspended'), 'suspended')
    await expectOutput(set('active'), 'active')
  })

  it('migrate gives the server’s login a new password', async () => {
    const password = async (): Promise<string | null> => {
      const client = new pg.Client({ connectionString: as('postgres') })
      await client.connect()
      const { rows } = await client.query(`select rolpassword from pg_authid where rolname = 'rowhouse_authenticator'`)
      await client.end()
      return rows[0].rolpassword
    }
    expect(await password()).toBeNull()
    const outcome = await run('scripts/migrate.ts', [], {
      DATABASE_URL: as('administrator'),
      ROWHOUSE_AUTHENTICATOR_PASSWORD: 'a new one',
    })
    expect(outcome.code).toBe(0)
    expect(outcome.output).not.toContain('a new one')
    expect(await password()).toMatch(/^SCRAM-SHA-256/)
  })

  it('migrates again', () => expectOutput(command('administrator', 'migrate'), 'everything is secured'))

  it('the server’s own login is told to leave administration to the one that migrated', async () => {
    for (const [name, ...args] of [['doctor'], ['tenant', 'list']] as const)
      expect(await command('rowhouse_authenticator', name, ...args)).toEqual({
        code: 1,
        output:
          'The login rowhouse_authenticator may not do this. Name the one that migrated the database in MIGRATION_DATABASE_URL, or in DATABASE_URL.\n',
      })
    await expectOutput(command('rowhouse_authenticator', 'jobs', 'list'), 'jobs: ')
    await expectOutput(command('rowhouse_authenticator', 'psql', '--tenant', 'mine', '-c', 'select 1 as one'), 'one')
  })

  it('a login of neither kind is told which to use', async () => {
    for (const [name, ...args] of [
      ['psql', '--tenant', 'mine'],
      ['jobs', 'list'],
      ['ingest', '--tenant', 'mine', '--source', 'House', folder],
    ] as const)
      expect(await command('nobody', name, ...args)).toEqual({
        code: 1,
        output:
          'The login nobody may not do this. Name rowhouse_authenticator, or the one that migrated the database, in DATABASE_URL.\n',
      })
  })

  it('migrate tells in one sentence that the login may not create pgvector', async () => {
    expect(await run('scripts/migrate.ts', [], { DATABASE_URL: as('administrator', 'bare') })).toEqual({
      code: 1,
      output:
        'This login may not create the extension "vector" in this database. Let a superuser or your service do it: create extension vector;\n',
    })
  })

  it('migrate tells in one sentence that the server has no pgvector, or an old one', async () => {
    // what the server has is read from a view, and here another one stands before it
    const url = `${as('administrator', 'bare')}?options=-csearch_path%3Dpublic,pg_catalog`
    const migrateWith = async (version: string, condition: string) => {
      await asSuperuser(
        'bare',
        `create or replace view public.pg_available_extensions as
           select name, '${version}' as default_version, installed_version
             from pg_catalog.pg_available_extensions where ${condition}`,
        'grant select on public.pg_available_extensions to administrator',
      )
      return (await run('scripts/migrate.ts', [], { DATABASE_URL: url })).output
    }
    expect(await migrateWith('0.7.4', 'true')).toBe(
      'This PostgreSQL has pgvector 0.7.4, and Rowhouse needs 0.8 or newer: install a newer one on the server.\n',
    )
    expect(await migrateWith('0.8.0', `name <> 'vector'`)).toBe(
      'This PostgreSQL has no pgvector, which Rowhouse needs: install the extension "vector", 0.8 or newer, on the server.\n',
    )
  })

  it('migrate tells who may not create roles', async () => {
    const { output } = await run('scripts/migrate.ts', [], { DATABASE_URL: as('nobody', 'second') })
    expect(output).toMatch(/^(The login nobody may not create roles|Another login made this server's roles)[^\n]*;\n$/)
  })

  it('a second administrator of the server is told whose roles they are, where that is in the way', async () => {
    const { code, output } = await run('scripts/migrate.ts', [], { DATABASE_URL: as('other_administrator', 'second') })
    // before 16, who may create roles may change those of others
    if (version === 15) expect([code, output]).toEqual([0, expect.stringContaining('everything is secured')])
    else
      expect([code, output]).toEqual([
        1,
        expect.stringMatching(
          /^Another login made this server's roles of Rowhouse\. Migrate as that one, or as a superuser: grant rowhouse_admin, .* to other_administrator with admin option;\n$/,
        ),
      ])
  })

  it('a migration that fails is told by its name, without its text', async () => {
    await asSuperuser('postgres', 'create database broken')
    await asSuperuser('broken', 'create schema app_public')
    const { output } = await run('scripts/migrate.ts', [], { DATABASE_URL: as('postgres', 'broken') })
    expect(output).toBe('0001_core.up.sql: schema "app_public" already exists\n')
  })
})
