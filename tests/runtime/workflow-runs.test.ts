// Runs of workflows: who may start and steer them, what failures do, leases, and what follows from the end of a run.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'
import {
  begin,
  type Claimed,
  claim,
  complete,
  completeCall,
  createWorkflow,
  fail,
  type Node,
  readRun,
  readSteps,
  startRun,
  story,
  wake,
  work,
  workOff,
} from './workflow-helpers.ts'

const db = useDatabase()
const { sessions, session } = useSessions(db)
const claimed = async (t: Transaction): Promise<Claimed> => {
  const step = await claim(t)
  if (!step) throw new Error('No step is ready.')
  return step
}
const call = (t: Transaction, name: string, ...values: unknown[]): Promise<string | undefined> =>
  t.errorCode(`select app_public.${name}_workflow_run(${values.map((_, i) => `$${i + 1}`)})`, values)

describe('starting', () => {
  it('needs the permission, a workflow that is published, enabled and visible, and an input that it takes', () =>
    db.inTransaction(async (t) => {
      const input_schema = { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } }
      const id = await createWorkflow(t, db.acme.owner, [work('a')], '', { input_schema })
      const start = (workflowId: string, input: unknown = { n: 1 }) =>
        t.errorCode('select app_public.start_workflow_run($1, $2)', [workflowId, JSON.stringify(input)])
      expect(await start(id)).toBeUndefined()
      expect(await start(id, { n: 'one' })).toBe('RN459')
      expect(await start(id, [])).toBe('RN458')
      expect(await start(id, { n: 1, long: 'x'.repeat(5_000_000) })).toBeDefined()
      expect(await start('00000000-0000-4000-8000-000000000000')).toBe('RS301')
      await t.become(db.globex.owner)
      expect(await start(id)).toBe('RS301')
      await t.become(db.acme.viewer)
      expect(await start(id)).toBe('ID203')
      await t.become(db.acme.owner)
      await t.query('update app_public.workflows set enabled = false where id = $1', [id])
      expect(await start(id)).toBe('RN556')
      const draft = await t.value<string>(
        `insert into app_public.workflows (name, workflow_definition) values ('draft', '{"nodes": [{"id": "a", "type": "search"}], "edges": []}') returning id`,
      )
      expect(await start(draft)).toBe('RN355')
    }))

  it('runs the published version, whatever has become of the draft', () =>
    db.inTransaction(async (t) => {
      const id = await createWorkflow(t, db.acme.owner, [work('published')], '')
      await t.query(
        `update app_public.workflows set workflow_definition = '{"nodes": [{"id": "draft", "type": "search"}], "edges": []}' where id = $1`,
        [id],
      )
      await startRun(t, db.acme.owner, id)
      expect((await claimed(t)).config.id).toBe('published')
    }))

  it('is refused to a tenant that has 10,000 open runs, as is trying again, until one has ended', () =>
    db.inTransaction(async (t) => {
      const workflow = await createWorkflow(t, db.acme.owner, [work('a')], '')
      const failed = await startRun(t, db.acme.owner, workflow)
      await fail(t, await claimed(t), 'broken', false)
      const open = await startRun(t, db.acme.owner, workflow)
      await t.becomeSuperuser()
      await t.query(`select set_config('session_replication_role', 'replica', true)`)
      await t.query(
        `insert into app_public.workflow_runs
         select (jsonb_populate_record(r, jsonb_build_object('id', x.id, 'root_run_id', x.id, 'idempotency_key', null))).*
           from app_public.workflow_runs r,
                (select gen_random_uuid() as id from generate_series(1, 9999)) x
          where r.id = $1`,
        [open],
      )
      await t.query(`select set_config('session_replication_role', 'origin', true)`)
      await t.become(db.acme.owner)
      expect(await call(t, 'start', workflow)).toBe('RN655')
      expect(await call(t, 'retry', failed)).toBe('RN655')
      expect(await call(t, 'cancel', open)).toBeUndefined()
      expect(await call(t, 'retry', failed)).toBeUndefined()
      expect(await call(t, 'start', workflow)).toBe('RN655')
      await t.become(db.globex.owner)
      await startRun(t, db.globex.owner, await createWorkflow(t, db.globex.owner, [work('a')], ''))
    }))

  it('under a key gives the run of the first call, and refuses another input', () =>
    db.inTransaction(async (t) => {
      const id = await createWorkflow(t, db.acme.owner, [work('a')], '')
      const start = (input: object) =>
        t.value<string>(`select (app_public.start_workflow_run($1, $2, 'k')).id`, [id, JSON.stringify(input)])
      const run = await start({ x: 1 })
      expect(await start({ x: 1 })).toBe(run)
      expect(await t.errorCode(`select app_public.start_workflow_run($1, '{}', 'k')`, [id])).toBe('RN557')
      await createWorkflow(t, db.globex.owner, [work('a')], '')
      expect(await t.value(`select count(*)::int from app_public.workflow_runs`)).toBe(0)
    }))

  it('under one key by ten at once is one run', async (context) => {
    needsServer(context)
    const owner = await session(db.acme.owner)
    const definition = JSON.stringify({ nodes: [{ id: 'a', type: 'wait', seconds: 9 }], edges: [] })
    const { rows } = await owner.query(
      `insert into app_public.workflows (name, workflow_definition) values ('at once', $1) returning id`,
      [definition],
    )
    await owner.query('select app_public.publish_workflow($1)', [rows[0].id])
    const callers = await sessions(10, db.acme.owner)
    const answers = await Promise.all(
      callers.map((caller) =>
        caller.query<{ id: string }>(`select (app_public.start_workflow_run($1, '{}', 'ten')).id`, [rows[0].id]),
      ),
    )
    expect(new Set(answers.map((answer) => answer.rows[0]?.id)).size).toBe(1)
  })

  it.each([
    ['of no path', 'find the best'],
    ['that visits everything', '$.**.x'],
    ['with a regular expression', '$.a like_regex "(a+)+b"'],
    ['that compares two lists', '$.a[*] == $.b[*]'],
    ['that compares two lists behind a comment', '/* " */ $.a[*] == $.b[*] /* " */'],
    ['that compares two lists behind an escape', '$.a\\" [*] == $.b[*] + $.c\\"'],
    ['that asks for another mode', 'lax $.a == $.b'],
    ['that is strict itself', 'strict $.a'],
    ['that doubles what there is, again and again', `$.a${'[0,0]'.repeat(50)}`],
    ['that filters a list by a list', '$.a[*] ? (@.x == $.b[*])'],
    ['with a method that makes many', '$.a.keyvalue()'],
    ['with a variable', '$x > 1'],
    ['that is too long', `$.${'a'.repeat(1000)}`],
  ])('needs expressions that can be evaluated in bounded time; refused when published is one %s', (_name, expression) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      const id = await t.value(
        `insert into app_public.workflows (name, workflow_definition) values ('x', $1) returning id`,
        [JSON.stringify({ nodes: [{ id: 'c', type: 'condition', expression }], edges: [] })],
      )
      expect(await t.errorCode('select app_public.publish_workflow($1)', [id])).toBe('RS436')
    }),
  )
})

describe('a lease', () => {
  it('that ends gives the step back once, and who comes late changes nothing', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, [work('a')])
      const first = await claimed(t)
      expect(await claim(t)).toBeUndefined()
      await setClockLater(t, '61 seconds')
      const second = await claimed(t)
      expect(await claim(t)).toBeUndefined()
      expect(second).toMatchObject({ step_run_id: first.step_run_id, attempt: 2 })
      // it may have been done already outside, under this key
      expect(second.idempotency_key).toBe(first.idempotency_key)
      expect(await t.errorCode(...completeCall(first, 'late'))).toBe('RN555')
      await complete(t, second, 'in time')
      expect(await t.errorCode(...completeCall(second, 'again'))).toBe('RN555')
      expect((await readRun(t, id)).output).toEqual({ a: 'in time' })
    }))

  it('is renewed by a heartbeat, by its holder alone and not beyond the timeout of the step', () =>
    db.inTransaction(async (t) => {
      await begin(t, db.acme.owner, [work('a', { timeout_seconds: 90 })])
      const step = await claimed(t)
      const beat = (token = step.lease_token) =>
        t.value(`select runtime.heartbeat_workflow_step($1, $2, $3)`, [step.tenant_id, step.step_run_id, token])
      await setClockLater(t, '50 seconds')
      expect(await beat('00000000-0000-4000-8000-000000000000')).toBe(false)
      expect(await beat()).toBe(true)
      await setClockLater(t, '89 seconds')
      expect(await beat()).toBe(true)
      await setClockLater(t, '91 seconds')
      expect(await beat()).toBe(false)
      expect(await t.errorCode(...completeCall(step, 'late'))).toBe('RN555')
    }))

  it('that a fifth worker lost fails the step', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, [work('a')], '', { timeout_seconds: 3600 })
      for (let n = 1; n <= 5; n++) {
        await claimed(t)
        await setClockLater(t, `${n * 2} minutes`)
        await wake(t)
      }
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'lease_lost' })
    }))

  it('is one worker’s when ten claim at once', async (context) => {
    needsServer(context)
    const owner = await session(db.acme.owner)
    const definition = JSON.stringify({ nodes: ['a', 'b', 'c'].map((id) => ({ id, type: 'search' })), edges: [] })
    const { rows } = await owner.query(
      `insert into app_public.workflows (name, workflow_definition) values ('claimed', $1) returning id`,
      [definition],
    )
    await owner.query('select app_public.publish_workflow($1)', [rows[0].id])
    const run = await owner.query<{ id: string }>(`select (app_public.start_workflow_run($1)).id`, [rows[0].id])
    const workers = await sessions(10, 'rowhouse_worker')
    const claims = await Promise.all(
      workers.map((worker) => worker.query<Claimed>(`select * from runtime.claim_workflow_step('w')`)),
    )
    const steps = claims.flatMap((answer) => answer.rows)
    // who found another one claiming for the tenant got none; the next call gets the rest
    for (let rest = 3 - steps.length; rest > 0; rest--)
      steps.push(...((await workers[0]?.query<Claimed>(`select * from runtime.claim_workflow_step('w')`))?.rows ?? []))
    expect(new Set(steps.map((step) => step.step_run_id)).size).toBe(3)
    expect((await workers[0]?.query(`select * from runtime.claim_workflow_step('w')`))?.rows).toEqual([])
    // and of two who end it at once one does
    const twice = await Promise.all(
      workers.slice(0, 2).map((worker) => codeOf(worker.query(...completeCall(steps[0] as Claimed, 1)))),
    )
    expect(twice.sort()).toEqual(['RN555', undefined])
    await owner.query('select app_public.cancel_workflow_run($1)', [run.rows[0]?.id])
  })

  it('is refused with a bad length or an unnamed worker, and only workers may claim', () =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      expect(await t.errorCode(`select runtime.claim_workflow_step('w', '2 hours')`)).toBe('RN455')
      expect(await t.errorCode(`select runtime.claim_workflow_step('')`)).toBe('RN456')
      await t.become(db.acme.owner)
      expect(await t.errorCode(`select runtime.claim_workflow_step('w')`)).toBe('42501')
    }))

  it('ends a step whose usage or output is too large with an error', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, [work('a')])
      const step = await claimed(t)
      expect(await t.errorCode(...completeCall(step, 1, -1))).toBe('RN457')
      expect(await t.errorCode(...completeCall(step, 1, 0, -0.1))).toBe('RN457')
      await complete(
        t,
        step,
        Array.from({ length: 300_000 }, (_, i) => i),
      )
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'output_too_large' })
    }))
})

describe('a failure', () => {
  const two = (error_handling: string, more: object = {}): Node[] => [work('a', { error_handling, ...more }), work('b')]
  it('ends the run with stop', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, [work('a'), work('b'), work('c')], 'a>c b>c')
      await fail(t, await claimed(t))
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'broken' })
      expect(await story(t, id)).toEqual(['a failed', 'b cancelled'])
      expect(await claim(t)).toBeUndefined()
    }))

  it('is an output with continue, and none with skip; the run goes on', () =>
    db.inTransaction(async (t) => {
      const outcome = async (handling: string) => {
        const id = await begin(t, db.acme.owner, two(handling), 'a>b')
        await fail(t, await claimed(t))
        const { input } = await claimed(t)
        return { input, story: await story(t, id) }
      }
      expect(await outcome('continue')).toMatchObject({
        input: { previous: { a: { error: { code: 'broken', message: 'It broke.' } } } },
        story: ['a failed', 'b running'],
      })
      await setClockLater(t, '10 minutes')
      expect(await outcome('skip')).toMatchObject({
        input: { previous: { a: null } },
        story: ['a skipped', 'b running'],
      })
    }))

  it('is tried again with retry, after longer and longer pauses, max_retries times', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, two('retry', { max_retries: 2 }), 'a>b')
      await fail(t, await claimed(t))
      expect(await claim(t)).toBeUndefined()
      await setClockLater(t, '2 seconds')
      await fail(t, await claimed(t))
      await setClockLater(t, '5 seconds')
      expect(await claim(t)).toBeUndefined()
      await setClockLater(t, '6 seconds')
      const third = await claimed(t)
      expect(third.attempt).toBe(3)
      await fail(t, third)
      expect((await readRun(t, id)).status).toBe('failed')
      expect((await readSteps(t, id))[0]).toMatchObject({ failures: [{ attempt: 1, code: 'broken' }, { attempt: 2 }] })
    }))

  it('that is not retryable is not tried again', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, two('retry'), 'a>b')
      await fail(t, await claimed(t), 'wrong', false)
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'wrong' })
    }))

  it('by timeout is one of the step or of the run', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, two('continue', { timeout_seconds: 30 }), 'a>b', {
        timeout_seconds: 100,
      })
      await claimed(t)
      await setClockLater(t, '31 seconds')
      await wake(t)
      expect(await story(t, id)).toEqual(['a failed', 'b ready'])
      await setClockLater(t, '101 seconds')
      await wake(t)
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'timeout' })
    }))
})

describe('people', () => {
  it('pause a run: what is at a worker is done, nothing else begins, its time stands still; and resume it', () =>
    db.inTransaction(async (t) => {
      const nodes = [work('a'), work('b'), { id: 'w', type: 'wait', seconds: 60 }, work('c'), work('d')]
      const id = await begin(t, db.acme.owner, nodes, 'a>c w>d', { timeout_seconds: 200 })
      const a = await claimed(t)
      await t.become(db.acme.owner)
      expect(await call(t, 'pause', id)).toBeUndefined()
      expect(await call(t, 'pause', id)).toBe('RN558')
      await complete(t, a, 1)
      expect(await story(t, id)).toEqual(['a completed', 'b ready', 'w waiting', 'c ready'])
      await setClockLater(t, '1000 seconds')
      await wake(t)
      expect(await claim(t)).toBeUndefined()
      await t.become(db.acme.owner)
      expect(await call(t, 'resume', id)).toBeUndefined()
      expect([(await claimed(t)).config.id, (await claimed(t)).config.id].sort()).toEqual(['b', 'c'])
      await setClockLater(t, '1059 seconds')
      expect(await claim(t)).toBeUndefined()
      await setClockLater(t, '1061 seconds')
      // the leases of b and c have ended meanwhile as well
      expect([await claimed(t), await claimed(t), await claimed(t)].map((step) => step.config.id).sort()).toEqual([
        'b',
        'c',
        'd',
      ])
      expect((await readRun(t, id)).status).toBe('active')
      await setClockLater(t, '1201 seconds')
      await wake(t)
      expect((await readRun(t, id)).error_code).toBe('timeout')
    }))

  it('cancel a run with the runs in it, and what a worker still does of it is refused', () =>
    db.inTransaction(async (t) => {
      const inner = await createWorkflow(t, db.acme.owner, [work('w')], '')
      const id = await begin(t, db.acme.owner, [{ id: 'sub', type: 'workflow', workflow_id: inner }])
      const step = await claimed(t)
      await t.become(db.acme.owner)
      expect(await call(t, 'cancel', step.run_id, null)).toBe('RN461')
      expect(await call(t, 'cancel', id, 'Not needed.')).toBeUndefined()
      expect(await call(t, 'cancel', id, null)).toBe('RN558')
      await t.becomeRole('rowhouse_worker')
      expect(await t.errorCode(...completeCall(step, 1))).toBe('RN555')
      expect(await readRun(t, step.run_id)).toMatchObject({ status: 'failed', error_code: 'cancelled' })
      expect(await story(t, id)).toEqual(['sub cancelled'])
    }))

  it('try a failed run again from where it failed, and no completed step is done again', () =>
    db.inTransaction(async (t) => {
      const map = { id: 'm', type: 'map_reduce', items: '$.input.list[*]', step: { type: 'search' } }
      const inner = await createWorkflow(t, db.acme.owner, [work('i1'), work('i2')], 'i1>i2')
      const nodes = [work('a'), { id: 'sub', type: 'workflow', workflow_id: inner }, map, work('z')]
      const id = await begin(t, db.acme.owner, nodes, 'a>sub a>m sub>z m>z', { input: { list: [1, 2] } })
      await complete(t, await claimed(t), 'a')
      const done: string[] = []
      for (let n = 0; n < 3; n++) {
        const step = await claimed(t)
        if (step.config.id === 'i1' || (step.input as { index: number }).index === 0) {
          await complete(t, step, 1)
          done.push(step.step_run_id)
        } else {
          await fail(t, step)
        }
      }
      expect((await readRun(t, id)).status).toBe('failed')
      await t.become(db.acme.owner)
      expect(await call(t, 'retry', id, null)).toBeUndefined()
      const again: string[] = []
      for (let step = await claim(t); step; step = await claim(t)) {
        expect(done).not.toContain(step.step_run_id)
        again.push(step.config.id ?? `item ${(step.input as { index: number }).index}`)
        await complete(t, step, 1)
      }
      expect(again.sort()).toEqual(['i2', 'item 1', 'z'])
      expect((await readRun(t, id)).status).toBe('completed')
    }))

  it('try a run again from a step: what came after it is done anew, what came before is not', () =>
    db.inTransaction(async (t) => {
      const nodes = [work('a'), { id: 'l', type: 'loop', max_iterations: 2 }, work('b'), work('c'), work('z')]
      const id = await begin(t, db.acme.owner, nodes, 'a>l l>b b>c c>l l>z')
      expect(await workOff(t)).toEqual(['a', 'b', 'c', 'b', 'c', 'z'])
      const steps = await readSteps(t, id)
      const stepOf = (node: string, scope: string) =>
        steps.find((step) => step.node_id === node && step.scope === scope)?.id
      await t.become(db.acme.owner)
      expect(await call(t, 'retry', id, null)).toBe('RN558')
      expect(await call(t, 'retry', id, id)).toBe('RN357')
      expect(await call(t, 'retry', id, stepOf('c', 'l[0]'))).toBe('RN559')
      expect(await call(t, 'retry', id, stepOf('c', 'l[1]'))).toBeUndefined()
      expect(await workOff(t)).toEqual(['c', 'z'])
      expect((await readRun(t, id)).status).toBe('completed')
      // the replay shows what was done before, too
      expect(
        (await readSteps(t, id))
          .filter((step) => step.superseded_at)
          .map((step) => step.node_id)
          .sort(),
      ).toEqual(['c', 'z'])
    }))

  it('put a run away when it has ended, for good', () =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, [{ id: 'x', type: 'transform' }])
      expect(await call(t, 'archive', id)).toBeUndefined()
      for (const name of ['archive', 'pause', 'resume']) expect(await call(t, name, id)).toBe('RN558')
      expect(await call(t, 'retry', id, null)).toBe('RN558')
      const open = await startRun(t, db.acme.owner, await createWorkflow(t, db.acme.owner, [work('a')], ''))
      expect(await call(t, 'archive', open)).toBe('RN558')
    }))

  it('see and steer the runs that they started; analysts see all, managers steer all', () =>
    db.inTransaction(async (t) => {
      const workflow = await createWorkflow(t, db.acme.owner, [work('a')], '')
      const id = await startRun(t, db.acme.member, workflow)
      const sees = async () => [
        await t.value('select count(*)::int from app_public.workflow_runs where id = $1', [id]),
        await t.value('select count(*)::int from app_public.workflow_step_runs where run_id = $1', [id]),
      ]
      expect(await sees()).toEqual([1, 1])
      await t.become(db.globex.owner)
      expect(await sees()).toEqual([0, 0])
      expect(await call(t, 'pause', id)).toBe('RN356')
      await t.become(db.acme.owner)
      expect(await sees()).toEqual([1, 1])
      expect(await call(t, 'pause', id)).toBeUndefined()
      const own = await startRun(t, db.acme.owner, workflow)
      await t.become(db.acme.member)
      expect(await call(t, 'pause', own)).toBe('RN356')
    }))
})

it('in a tenant that is read-only no run is started or steered and no step begins, and what a worker has begun ends', () =>
  db.inTransaction(async (t) => {
    const workflow = await createWorkflow(t, db.acme.owner, [work('a'), work('b')], 'a>b')
    const id = await startRun(t, db.acme.owner, workflow)
    const step = await claimed(t)
    await t.becomeSuperuser()
    await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'x' where id = $1`, [
      db.acme.id,
    ])
    await t.become(db.acme.owner)
    expect(await t.errorCode('select app_public.start_workflow_run($1)', [workflow])).toBe('TN202')
    expect(await call(t, 'pause', id)).toBe('TN202')
    await complete(t, step, 1)
    expect(await story(t, id)).toEqual(['a completed', 'b ready'])
    expect(await claim(t)).toBeUndefined()
  }))

describe('a step for a person', () => {
  const nodes = [{ id: 'ask', type: 'human', instructions: 'Read it.' }, work('yes'), work('no')]
  /** Four eyes: who decides is not who started it. */
  const beginAsMember = async (t: Transaction, flow: Node[], links: Parameters<typeof createWorkflow>[3]) =>
    startRun(t, db.acme.member, await createWorkflow(t, db.acme.owner, flow, links))
  const answer = async (t: Transaction, decision: string) => {
    await t.become(db.acme.owner)
    const id = await t.value(
      `select id from app_public.agent_approvals where subject_kind = 'workflow_step' and status = 'pending'`,
    )
    await t.query(`select app_public.decide_approval($1, $2, 'Because.')`, [id, decision])
  }
  it('waits without a lease until the approval is decided, and goes on from there', () =>
    db.inTransaction(async (t) => {
      const id = await beginAsMember(t, [nodes[0] as Node, work('yes')], 'ask>yes')
      expect(await claim(t)).toBeUndefined()
      await answer(t, 'approved')
      expect((await claimed(t)).input).toMatchObject({ previous: { ask: { approved: true } } })
      expect(await story(t, id)).toEqual(['ask completed', 'yes running'])
    }))

  it('that is rejected is an answer where conditions ask for it, and else a failure', () =>
    db.inTransaction(async (t) => {
      const links = [
        { from: 'ask', to: 'yes', condition: '$.output.approved == true' },
        { from: 'ask', to: 'no', condition: '$.output.approved == false' },
      ]
      await beginAsMember(t, nodes, links)
      await answer(t, 'rejected')
      expect((await claimed(t)).config.id).toBe('no')
      const id = await beginAsMember(t, [nodes[0] as Node], '')
      await answer(t, 'rejected')
      await wake(t)
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'not_approved' })
    }))

  it('withdraws its approval when the run is cancelled', () =>
    db.inTransaction(async (t) => {
      const id = await beginAsMember(t, [nodes[0] as Node], '')
      expect(await call(t, 'cancel', id, null)).toBeUndefined()
      expect(await t.value(`select status from app_public.agent_approvals where subject_kind = 'workflow_step'`)).toBe(
        'withdrawn',
      )
    }))
})

describe('the end of a run', () => {
  it.each([
    ['that fits the output_schema', { n: 1 }, 'completed', null],
    ['that does not fit it', { n: 'one' }, 'failed', 'output_invalid'],
  ])('with an output %s', (_, output, status, error_code) =>
    db.inTransaction(async (t) => {
      const output_schema = {
        type: 'object',
        properties: { a: { type: 'object', properties: { n: { type: 'integer' } } } },
      }
      const workflow = await createWorkflow(t, db.acme.owner, [work('a')], '', { output_schema })
      const run = await startRun(t, db.acme.owner, workflow)
      await complete(t, await claimed(t), output)
      expect(await readRun(t, run)).toMatchObject({ status, error_code, output: { a: output } })
    }),
  )

  it('is counted in the figures of the workflow, in usage, and told to webhooks', () =>
    db.inTransaction(async (t) => {
      const workflow = await createWorkflow(t, db.acme.owner, [work('a')], '')
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.webhook_endpoints (tenant_id, url, kinds) values ($1, 'https://hook.test', '{workflow_run.completed,workflow_run.failed}')`,
        [db.acme.id],
      )
      for (const isGood of [true, false]) {
        await startRun(t, db.acme.owner, workflow)
        const step = await claimed(t)
        if (isGood) await complete(t, step, 1, 30, 0.25)
        else await fail(t, step)
      }
      await t.becomeSuperuser()
      expect(
        (
          await t.query(
            'select execution_count, success_count, failure_count, last_executed_at is not null as ran from app_public.workflows where id = $1',
            [workflow],
          )
        )[0],
      ).toEqual({ execution_count: '2', success_count: '1', failure_count: '1', ran: true })
      expect(
        await t.value(
          `select sum(e.quantity)::int from app_public.usage_events e
             join app_public.workflow_runs r on e.idempotency_key = 'workflow_run:' || r.id
            where e.usage_type = 'workflow_run' and r.workflow_id = $1`,
          [workflow],
        ),
      ).toBe(2)
      expect(await t.query('select kind, payload from app_public.webhook_deliveries order by sequence')).toMatchObject([
        { kind: 'workflow_run.completed', payload: { tokens: 30, cost_usd: '0.25', error_code: null } },
        { kind: 'workflow_run.failed', payload: { error_code: 'broken' } },
      ])
    }))

  it('leaves no reservation: tokens are reserved when a model step is claimed, settled when it completes, released when it fails', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(
        `insert into app_public.usage_quotas (quota_type, quota_limit, period) values ('tokens', 1000, 'month')`,
      )
      const prompt = await t.value(
        `insert into app_public.prompts (name, prompt_text) values ('p', 'Say it.') returning id`,
      )
      const nodes = [{ id: 'p', type: 'prompt', prompt_id: prompt, config: { max_tokens: 600 } }]
      const workflow = await createWorkflow(t, db.acme.owner, nodes as Node[], '')
      const quota = async () => {
        await t.becomeSuperuser()
        return (
          await t.query(
            `select current_usage::int as used, reserved::int from app_public.quota_tracking where quota_type = 'tokens'`,
          )
        )[0]
      }
      await startRun(t, db.acme.owner, workflow)
      const second = await startRun(t, db.acme.owner, workflow)
      const step = await claimed(t)
      expect(step.config.reservation_ids).toHaveLength(1)
      expect(await quota()).toEqual({ used: 0, reserved: 600 })
      // there is no room for the second now
      expect(await claim(t)).toBeUndefined()
      expect((await readSteps(t, second))[0]).toMatchObject({ status: 'ready', error_code: 'QT601' })
      await complete(t, step, 'It.', 50)
      expect(await quota()).toEqual({ used: 50, reserved: 0 })
      await setClockLater(t, '61 seconds')
      await fail(t, await claimed(t))
      expect(await quota()).toEqual({ used: 50, reserved: 0 })
    }))
})
