// Health: checks of the platform, probes of model providers and their circuits, and how things stand for a tenant.

import { createServer } from 'node:http'
import { type AddressInfo, createServer as createSmtpServer } from 'node:net'
import fc from 'fast-check'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '../../server/config.ts'
import { createPool } from '../../server/database.ts'
import { healthChecks } from '../../server/inspection.ts'
import { checkMail } from '../../server/mail.ts'
import { probeProvider } from '../../server/provider-probe.ts'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource } from '../helpers/knowledge.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { runTask } from '../helpers/tasks.ts'
import { iso, minute, start } from './alert-rules.ts'

const db = useDatabase()
const mail = useMailServer()
const all = queries(() => db.pool)
let pool: pg.Pool
beforeAll(() => {
  pool = createPool(db.url, 'rowhouse_worker', 2)
})
afterAll(() => pool.end())

const asStaff = (t: Transaction) => t.become(db.platform.owner, 'rowhouse_admin')
const latest = () =>
  all.query<{ part: string; name: string; status: string }>(
    'select part, name, status from observability.latest_checks()',
  )

describe('the checks of a worker', () => {
  it('are of the database, the queue, the audit and the mail server', async () => {
    await runTask(pool, 'observability__check_health')
    const checks = await latest()
    expect(checks.map(({ part, name }) => `${part} ${name}`)).toEqual([
      ...[
        'audit audit',
        'database bloat',
        'database connections',
        'database oldest_transaction',
        'database replication_lag',
      ],
      ...['database wraparound', 'mail mail_server', 'queue failed_jobs', 'queue oldest_job'],
    ])
    expect(checks.find(({ part }) => part === 'mail')?.status).toBe('ok')
  })

  it('say when the mail server is away, when jobs failed, and when the queue stands still', async () => {
    const url = mail.url
    process.env.SMTP_URL = 'smtp://127.0.0.1:1'
    await all.query(`select graphile_worker.add_job('unknown', '{}', run_at => now() - interval '1 hour')`)
    await all.query(`select graphile_worker.add_job('broken', '{}', max_attempts => 1)`)
    await all.query(`update graphile_worker._private_jobs set attempts = 1 where max_attempts = 1`)
    await runTask(pool, 'observability__check_health')
    process.env.SMTP_URL = url
    const statusOf = new Map((await latest()).map(({ name, status }) => [name, status]))
    expect(['mail_server', 'failed_jobs', 'oldest_job'].map((name) => statusOf.get(name))).toEqual([
      'failing',
      'warning',
      'failing',
    ])
    expect(await all.value('select observability.health_of_parts()')).toMatchObject({
      mail: 'failing',
      queue: 'failing',
      database: 'ok',
    })
    await all.query('delete from graphile_worker._private_jobs')
  })

  it('say when the mail server refuses the login', async () => {
    const server = createSmtpServer((socket) => {
      socket.write('220 mail.test\r\n')
      socket.on('data', (line) => {
        const isHello = /^EHLO/.test(line.toString())
        socket.write(isHello ? '250-mail.test\r\n250 AUTH PLAIN\r\n' : '535 no\r\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `smtp://user:word@127.0.0.1:${(server.address() as AddressInfo).port}`
    expect(await checkMail(loadConfig({ ...process.env, SMTP_URL: url }))).toMatchObject({
      status: 'failing',
      message: 'The mail server refused the login.',
    })
    server.close()
  })

  it('see the transactions of the login, which the role of the worker alone does not see', async (context) => {
    needsServer(context)
    const client = await db.pool.connect()
    await client.query('begin')
    await client.query('select 1')
    await runTask(pool, 'observability__check_health')
    await client.query('rollback')
    client.release()
    expect(
      await all.value(`select value is not null from observability.latest_checks() where name = 'oldest_transaction'`),
    ).toBe(true)
  })

  it('are shown to staff only, and staff has them made at once, by one job', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(await t.errorCode('select * from app_public.system_health()')).toBe('TN205')
      expect(await t.errorCode('select app_public.check_system_health()')).toBe('TN205')
      expect(await t.value('select count(*)::int from app_public.health_checks')).toBe(0)
      await asStaff(t)
      expect(await t.value('select count(*)::int from app_public.system_health()')).toBeGreaterThan(5)
      await t.query('select app_public.check_system_health()')
      await t.query('select app_public.check_system_health()')
      await t.becomeSuperuser()
      expect(
        await t.value(
          `select count(*)::int from graphile_worker.jobs where task_identifier = 'observability__check_health'`,
        ),
      ).toBe(1)
    }))

  it('are printed by doctor', async () => {
    const checks = await healthChecks(db.pool)
    expect(checks.map(({ part }) => part)).toEqual(expect.arrayContaining(['database', 'queue', 'mail', 'audit']))
  })

  it('are kept for a week', () =>
    db.inTransaction(async (t) => {
      await t.becomeSuperuser()
      await setClock(t, iso(Date.now() + 8 * 1440 * minute))
      await t.query(
        `select observability.record_checks('[{"part": "mail", "name": "mail_server", "status": "ok", "message": "m"}]')`,
      )
      expect(await t.value('select count(*)::int from app_public.health_checks')).toBe(1)
    }))
})

describe('the audit', () => {
  it('is verified for each tenant once an hour, and what does not verify is a check that fails', async () => {
    await runTask(pool, 'observability__verify_audit')
    expect(await all.value('select count(*)::int from observability.audits_to_verify()')).toBe(0)
    expect(await all.value('select status from observability.check_audit()')).toBe('ok')
    await all.query('update observability.audit_checks set problem_count = 1 where tenant_id = $1', [db.acme.id])
    expect(await all.value('select status from observability.check_audit()')).toBe('failing')
    await all.query('update observability.audit_checks set problem_count = 0')
  })
})

describe('a probe', () => {
  it.each([
    [200, null],
    [401, 'unauthorized'],
    [403, 'unauthorized'],
    [429, 'rate_limited'],
    [500, 'server_error'],
    [503, 'server_error'],
    [404, null],
    [302, 'unreachable'],
    [418, 'unexpected_answer'],
  ] as const)('that is answered with %i has the error class %s', async (status, errorClass) => {
    const seen: (string | undefined)[] = []
    const server = createServer((request, response) => {
      seen.push(`${request.url} ${request.headers.authorization}`)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('{}')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    process.env.PROBED_API_KEY = 'key'
    const probe = await probeProvider({
      kind: 'openai',
      base_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/`,
      api_key_variable: 'PROBED_API_KEY',
    })
    delete process.env.PROBED_API_KEY
    server.closeAllConnections()
    server.close()
    expect([probe.errorClass, probe.isHealthy, seen]).toEqual([
      errorClass,
      errorClass === null,
      ['/v1/models Bearer key'],
    ])
  })

  it('of an address where nobody listens is unreachable', async () => {
    const probe = await probeProvider({ kind: 'openai', base_url: 'http://127.0.0.1:1', api_key_variable: null })
    expect(probe).toMatchObject({ isHealthy: false, errorClass: 'unreachable' })
  })
})

describe('a circuit', () => {
  const addProvider = async (t: Transaction): Promise<string> => {
    await t.becomeSuperuser()
    await t.query('update app_public.llm_providers set is_enabled = false')
    const id = await t.value<string>(
      `insert into app_public.llm_providers (name, kind, base_url) values ('probed', 'openai', 'http://127.0.0.1:1/v1') returning id`,
    )
    await t.becomeRole('rowhouse_worker')
    return id
  }
  const due = (t: Transaction) => t.value<number>('select count(*)::int from observability.providers_to_probe()')

  it('opens after three failures in a row, and is closed by two probes that succeed', () =>
    db.inTransaction(async (t) => {
      const id = await addProvider(t)
      const series = [false, true, false, false, false, false, true, false, true, true, false]
      const circuits: string[] = []
      await due(t)
      for (const healthy of series)
        circuits.push(
          await t.value(`select observability.record_probe($1, $2, 1, case when not $2 then 'timeout' end)`, [
            id,
            healthy,
          ]),
        )
      expect(circuits).toEqual([
        ...[
          'closed',
          'closed',
          'closed',
          'closed',
          'open',
          'open',
          'half_open',
          'open',
          'half_open',
          'closed',
          'closed',
        ],
      ])
    }))

  it('that is open is probed more and more rarely, at least each quarter of an hour, and one worker probes it', () =>
    db.inTransaction(async (t) => {
      const id = await addProvider(t)
      await setClock(t, iso(start))
      expect(await due(t)).toBe(1)
      expect(await due(t)).toBe(0)
      await fc.assert(
        fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20 }), async (series) => {
          for (const healthy of series) await t.query('select observability.record_probe($1, $2, 1)', [id, healthy])
          await t.becomeSuperuser()
          const seconds = await t.value<number>(
            'select extract(epoch from next_probe_at - core.clock())::int from observability.provider_circuits',
          )
          const circuit = await t.value<string>('select circuit from observability.provider_circuits')
          await t.becomeRole('rowhouse_worker')
          expect(seconds).toBeLessThanOrEqual(circuit === 'open' ? 900 : 50)
        }),
        { numRuns: 30, seed: 16 },
      )
    }))

  it('that is open pauses embedding by its provider, and a probe that succeeds lets it go on', () =>
    db.inTransaction(async (t) => {
      await setClock(t, iso(start))
      const providerId = await addProvider(t)
      await t.becomeSuperuser()
      const modelId = await t.value(
        `insert into app_public.llm_models (provider_id, name, kind, provider_model_name, dimension)
         values ($1, 'probed-model', 'embedding', 'm', 3) returning id`,
        [providerId],
      )
      const source = await createSource(t, db.acme.member, { embedding_model: 'probed-model' })
      const [document] = await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: 'A wing.' }])
      const of = [db.acme.id, [document?.document_id]]
      await t.becomeRole('rowhouse_worker')
      await t.query('select knowledge.chunk_documents($1, $2)', of)
      const chunks = async (): Promise<string[]> =>
        (await t.query<{ chunk_id: string }>('select chunk_id from knowledge.chunks_to_embed($1, $2, 10)', of)).map(
          (chunk) => chunk.chunk_id,
        )
      const probe = (healthy: boolean) => t.query('select observability.record_probe($1, $2, 1)', [providerId, healthy])
      /** The times of the jobs that finishing the documents adds, in seconds from now. */
      const postponed = async (): Promise<number[]> => {
        await t.becomeSuperuser()
        await t.query('delete from graphile_worker._private_jobs')
        await t.becomeRole('rowhouse_worker')
        await t.query('select knowledge.finish_embedding($1, $2)', of)
        await t.becomeSuperuser()
        const jobs = await t.query<{ s: number }>(
          'select extract(epoch from run_at - core.clock())::int as s from graphile_worker.jobs order by 1',
        )
        await t.becomeRole('rowhouse_worker')
        return jobs.map(({ s }) => s)
      }

      await due(t)
      expect(await chunks()).toHaveLength(1)
      for (let i = 0; i < 3; i++) await probe(false)
      expect(await chunks()).toEqual([])
      expect(await postponed()).toEqual([60])
      await probe(false)
      expect(await postponed()).toEqual([120])
      await probe(true)
      const [chunk] = await chunks()
      await t.query(`select knowledge.store_embeddings($1, $2, $3, '{"[1,0,0]"}')`, [db.acme.id, modelId, [chunk]])
      // the next stage, and nothing of this one
      expect(await postponed()).toHaveLength(1)
      expect(await postponed()).toEqual([])
    }))

  it('of a provider that is switched off pauses nothing any more', () =>
    db.inTransaction(async (t) => {
      const id = await addProvider(t)
      await due(t)
      for (let i = 0; i < 3; i++) await t.query('select observability.record_probe($1, false, 1)', [id])
      await t.becomeSuperuser()
      expect(await t.value('select count(*)::int from knowledge.provider_pauses')).toBe(1)
      await t.query('update app_public.llm_providers set is_enabled = false')
      await t.becomeRole('rowhouse_worker')
      await due(t)
      await t.becomeSuperuser()
      expect(await t.value('select count(*)::int from knowledge.provider_pauses')).toBe(0)
    }))

  it('of a provider that was switched off meanwhile is nothing', () =>
    db.inTransaction(async (t) => {
      const id = await addProvider(t)
      expect(await t.value('select observability.record_probe($1, true, 1)', [id])).toBeNull()
    }))
})

describe('my_status', () => {
  it('says what is processed, which quota is near and which provider fails, to members', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer ?? db.acme.member)
      expect(
        await t.query('select is_healthy, failing_providers, firing_alert_count::int from app_public.my_status()'),
      ).toEqual([{ is_healthy: true, failing_providers: [], firing_alert_count: 0 }])
      await t.becomeSuperuser()
      const providerId = await t.value(
        `insert into app_public.llm_providers (name, kind, base_url) values ('probed', 'openai', 'http://127.0.0.1:1/v1') returning id`,
      )
      await t.query(`insert into observability.provider_circuits (provider_id, circuit) values ($1, 'open')`, [
        providerId,
      ])
      await t.query(
        `insert into metering.llm_calls (tenant_id, occurred_at, provider_id, model, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, batch_id)
         values ($1, now(), $2, 'm', 1, 0, 1, 0, 1)`,
        [db.acme.id, providerId],
      )
      await t.become(db.acme.member)
      expect(await t.query('select is_healthy, failing_providers from app_public.my_status()')).toEqual([
        { is_healthy: false, failing_providers: ['probed'] },
      ])
      // another tenant that does not call it has nothing to do with it
      await t.become(db.globex.owner)
      expect(await t.value('select failing_providers from app_public.my_status()')).toEqual([])
      await t.become({ ...db.globex.owner, tenantId: db.acme.id })
      expect(await t.errorCode('select * from app_public.my_status()')).toBe('ID202')
    }))
})
