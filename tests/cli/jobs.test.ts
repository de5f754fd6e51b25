// npm run jobs: the queue as an administrator sees and changes it.

import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { needsServer, useDatabase } from '../helpers/index.ts'
import { type Outcome, run } from '../helpers/processes.ts'

const db = useDatabase()
const jobs = (...args: string[]): Promise<Outcome> => run('scripts/jobs.ts', args, { DATABASE_URL: db.url })

beforeEach((context) => needsServer(context, 'DATABASE_URL names a server'))
afterEach(() => db.pool.query('delete from graphile_worker._private_jobs'))

async function add(task: string, change = ''): Promise<string> {
  const { rows } = await db.pool.query(`select id from graphile_worker.add_job($1, '{"tenantId": "the tenant"}')`, [
    task,
  ])
  if (change) await db.pool.query(`update graphile_worker._private_jobs set ${change} where id = $1`, [rows[0].id])
  return rows[0].id
}
const addFailed = (task: string): Promise<string> =>
  add(task, `attempts = max_attempts, last_error = 'The mail server is away.' || chr(10) || '  at line 1'`)
const addRunning = (task: string): Promise<string> => add(task, `locked_at = now(), locked_by = 'a worker'`)

async function attempts(): Promise<Record<string, number>> {
  const { rows } = await db.pool.query('select id, attempts from graphile_worker._private_jobs order by id')
  return Object.fromEntries(rows.map(({ id, attempts }) => [id, attempts]))
}

describe('list', () => {
  it('shows the state, the tenant and the error of each job, and counts them', async () => {
    await add('one')
    await add('two', `run_at = now() + interval '1 hour'`)
    await addFailed('three')
    await addRunning('four')
    const { code, output } = await jobs('list')
    expect(code).toBe(0)
    for (const text of ['the tenant', 'The mail server is away.', '0/25']) expect(output).toContain(text)
    expect(output).not.toContain('at line 1')
    expect(output).toContain('4 jobs: 1 waiting, 1 later, 1 running, 1 failed.')
  })

  it('shows those of one task or one state', async () => {
    await add('one')
    await addFailed('two')
    expect((await jobs('list', '--task', 'one')).output).toContain('1 jobs: 1 waiting')
    const failed = (await jobs('list', '--state', 'failed')).output
    expect(failed).toContain('two')
    expect(failed).not.toContain('one')
  })
})

describe('summary', () => {
  it('counts jobs by task, state and error', async () => {
    for (const task of ['one', 'one', 'two']) await addFailed(task)
    await add('one')
    const { code, output } = await jobs('summary', '--state', 'failed')
    expect(code).toBe(0)
    expect(output).toMatch(/'one' +│ 'failed' +│ 2 +│ '.+' +│ 'The mail server is away\.'/)
    expect(output).toMatch(/'two' +│ 'failed' +│ 1 /)
    expect(output).not.toContain('waiting')
    expect((await jobs('summary', '--task', 'three')).output).toBe('0 jobs.\n')
  })
})

describe('a tenant’s jobs', () => {
  const addOf = async (tenantId: string): Promise<string> =>
    (
      await db.pool.query(`select id from graphile_worker.add_job('one', json_build_object('tenantId', $1::text))`, [
        tenantId,
      ])
    ).rows[0].id

  it('are listed, and retried when they failed, without those of others', async () => {
    const [own, other] = [await addOf(db.acme.id), await addOf(db.globex.id)]
    expect((await jobs('list', '--tenant', 'acme')).output).toContain('1 jobs: 1 waiting')
    await db.pool.query('update graphile_worker._private_jobs set attempts = max_attempts')
    expect((await jobs('retry', '--failed', '--tenant', 'acme')).output).toContain('1 run now.')
    expect(await attempts()).toEqual({ [own]: 0, [other]: 25 })
  })
})

it('a list is of the oldest fifty, and the last line counts all', async () => {
  await db.pool.query(`select graphile_worker.add_job('many', '{}') from generate_series(1, 60)`)
  const { output } = await jobs('list')
  expect(output.match(/'many'/g)).toHaveLength(50)
  expect(output).toContain('60 jobs: 60 waiting')
})

describe('retry', () => {
  it('lets a failed job run again with all its attempts', async () => {
    const [id, other] = [await addFailed('one'), await addFailed('two')]
    expect(await jobs('retry', id)).toMatchObject({ code: 0, output: expect.stringContaining('1 run now.') })
    expect(await attempts()).toEqual({ [id]: 0, [other]: 25 })
  })

  it('lets all failed jobs of a task run again', async () => {
    const ids = [await addFailed('one'), await addFailed('one'), await addFailed('two')] as const
    expect((await jobs('retry', '--failed', '--task', 'one')).output).toContain('2 run now.')
    expect(await attempts()).toEqual({ [ids[0]]: 0, [ids[1]]: 0, [ids[2]]: 25 })
  })
})

describe('cancel', () => {
  it('removes a job that does not run', async () => {
    const [id, kept] = [await add('one'), await add('one')]
    expect((await jobs('cancel', id)).output).toContain('1 cancelled.')
    expect(Object.keys(await attempts())).toEqual([kept])
  })

  it('leaves a running job alone, and fails', async () => {
    const id = await addRunning('one')
    expect(await jobs('cancel', id, '999999')).toEqual({
      code: 1,
      output: expect.stringContaining(`Running, or not in the queue: ${id}, 999999.`),
    })
    expect(Object.keys(await attempts())).toEqual([id])
  })
})

it('says what is missing or does not fit', async () => {
  for (const args of [
    [],
    ['retry'],
    ['cancel', 'x'],
    ['retry', '1', '--failed'],
    ['cancel', '1', '--task', 'one'],
    ['list', '--state', 'odd'],
  ])
    expect(await jobs(...args)).toMatchObject({ code: 1, output: expect.stringContaining('Usage: npm run jobs') })
})

it('only an administrator and the worker may change the queue', () =>
  db.inTransaction(async (t) => {
    for (const role of [
      'rowhouse_user',
      'rowhouse_admin',
      'rowhouse_analyst',
      'rowhouse_authenticator',
      'rowhouse_platform',
    ]) {
      await t.becomeRole(role, db.acme.id)
      for (const call of [
        'core.jobs()',
        'core.job_summary()',
        `core.jobs_held_by('x')`,
        `core.give_back_jobs('x', '{}')`,
        `core.retry_jobs('{1}')`,
        `core.cancel_jobs('{1}')`,
      ])
        expect([role, call, await t.errorCode(`select * from ${call}`)]).toEqual([role, call, '42501'])
      await t.becomeSuperuser()
    }
  }))
