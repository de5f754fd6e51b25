// What the patterns of workflows mean: sequences, branches, loops, fan-outs, runs within runs.

import { describe, expect, it } from 'vitest'
import { setClockLater } from '../helpers/clock.ts'
import { useDatabase } from '../helpers/index.ts'
import {
  begin,
  claim,
  complete,
  createWorkflow,
  readRun,
  readSteps,
  startRun,
  story,
  wake,
  work,
  workOff,
} from './workflow-helpers.ts'

const db = useDatabase()

describe('a sequence', () => {
  it('does one step after the other, and its end has what it maps', () =>
    db.inTransaction(async (t) => {
      const id = await begin(
        t,
        db.acme.owner,
        [
          { id: 'start', type: 'start' },
          work('find', { input: { query: '$.input.topic' } }),
          work('read', { input: { of: '$.steps.find.hits[*].title' } }),
          { id: 'end', type: 'end', input: { summary: '$.steps.read.text', none: '$.steps.nothing.at.all' } },
        ],
        'start>find find>read read>end',
        { input: { topic: 'valves' } },
      )
      const find = await claim(t)
      expect(find).toMatchObject({ kind: 'search', input: { query: 'valves' }, attempt: 1, timeout_seconds: 300 })
      expect(await claim(t)).toBeUndefined()
      await complete(t, find as never, { hits: [{ title: 'a' }, { no: 1 }, { title: 'b' }] })
      const read = await claim(t)
      expect(read?.input).toEqual({ of: ['a', 'b'] })
      await complete(t, read as never, { text: 'Both.' })
      expect(await readRun(t, id)).toMatchObject({ status: 'completed', output: { summary: 'Both.', none: null } })
      expect(await story(t, id)).toEqual(['start completed', 'find completed', 'read completed', 'end completed'])
    }))

  it('gives a step without a mapping the input of the run and the outputs before it', () =>
    db.inTransaction(async (t) => {
      await begin(t, db.acme.owner, [work('a'), work('b')], 'a>b', { input: { x: 1 } })
      await complete(t, (await claim(t)) as never, { y: 2 })
      expect((await claim(t))?.input).toEqual({ input: { x: 1 }, previous: { a: { y: 2 } } })
    }))
})

describe('branches', () => {
  const nodes = [
    { id: 'is-large', type: 'condition', expression: '$.input.size > 10' },
    work('large'),
    work('small'),
    work('join'),
  ]
  const links = [
    { from: 'is-large', to: 'large', condition: 'true' },
    { from: 'is-large', to: 'small', condition: 'false' },
    { from: 'large', to: 'join' },
    { from: 'small', to: 'join' },
  ]

  it.each([
    [11, ['large', 'join']],
    [10, ['small', 'join']],
    ['eleven', ['small', 'join']],
  ])('are taken by their condition: %s', (size, done) =>
    db.inTransaction(async (t) => {
      const id = await begin(t, db.acme.owner, nodes, links, { input: { size } })
      expect(await workOff(t)).toEqual(done)
      expect((await readRun(t, id)).status).toBe('completed')
    }),
  )

  it('meet where all that were taken have come', () =>
    db.inTransaction(async (t) => {
      await begin(t, db.acme.owner, [work('a'), work('b'), work('c'), work('d')], 'a>b a>c b>d c>d')
      await complete(t, (await claim(t)) as never, null)
      const [b, c] = [await claim(t), await claim(t)]
      await complete(t, b as never, null)
      expect(await claim(t)).toBeUndefined()
      await complete(t, c as never, null)
      expect((await claim(t))?.config.id).toBe('d')
    }))

  it('that no edge leads to are skipped with all that comes after them, and the run ends', () =>
    db.inTransaction(async (t) => {
      const id = await begin(
        t,
        db.acme.owner,
        [work('a'), work('b'), work('c')],
        [
          { from: 'a', to: 'b', condition: '$.output.go == true' },
          { from: 'b', to: 'c' },
        ],
      )
      expect(await workOff(t, () => ({ go: false }))).toEqual(['a'])
      expect(await story(t, id)).toEqual(['a completed', 'b skipped', 'c skipped'])
      expect((await readRun(t, id)).output).toEqual({ a: { go: false } })
    }))

  it('of a parallel node run so many at once as max_concurrency says', () =>
    db.inTransaction(async (t) => {
      await begin(
        t,
        db.acme.owner,
        [{ id: 'p', type: 'parallel', max_concurrency: 2 }, ...['a', 'b', 'c', 'd'].map((id) => work(id))],
        'p>a p>b p>c p>d',
      )
      const first = [await claim(t), await claim(t)]
      expect(await claim(t)).toBeUndefined()
      await complete(t, first[1] as never, null)
      expect((await claim(t))?.config.id).toBe('c')
      expect(await claim(t)).toBeUndefined()
    }))
})

describe('a loop', () => {
  const body = [work('draft'), work('review')]

  it('goes round while its expression holds, and at most max_iterations times', () =>
    db.inTransaction(async (t) => {
      const loop = { id: 'l', type: 'loop', max_iterations: 3, expression: '$.iteration < $.input.times' }
      const start = async (times: number) => {
        const id = await begin(
          t,
          db.acme.owner,
          [loop, ...body, work('after')],
          'l>draft draft>review review>l l>after',
          {
            start: 'l',
            input: { times },
          },
        )
        return { done: await workOff(t), steps: await readSteps(t, id) }
      }
      expect((await start(0)).done).toEqual(['after'])
      const two = await start(2)
      expect(two.done).toEqual(['draft', 'review', 'draft', 'review', 'after'])
      expect(two.steps.map((step) => step.scope)).toContain('l[1]')
      expect(two.steps.find((step) => step.node_id === 'l')).toMatchObject({
        status: 'completed',
        output: { iterations: 2 },
      })
      expect((await start(9)).done).toHaveLength(7)
    }))

  it('that is entered in its body asks after the first iteration', () =>
    db.inTransaction(async (t) => {
      const loop = { id: 'l', type: 'loop', max_iterations: 3, expression: '$.steps.review.again == true' }
      await begin(
        t,
        db.acme.owner,
        [work('first'), ...body, loop, work('after')],
        'first>draft draft>review review>l l>draft l>after',
      )
      let reviews = 0
      const done = await workOff(t, (step) => (step.config.id === 'review' ? { again: ++reviews < 2 } : null))
      expect(done).toEqual(['first', 'draft', 'review', 'draft', 'review', 'after'])
    }))

  it('is left by an edge out of its body, and its own ways out are not taken then', () =>
    db.inTransaction(async (t) => {
      const id = await begin(
        t,
        db.acme.owner,
        [{ id: 'l', type: 'loop', max_iterations: 9 }, ...body, work('gone'), work('after')],
        [
          { from: 'l', to: 'draft' },
          { from: 'draft', to: 'review' },
          { from: 'review', to: 'l', condition: '$.output.good == false' },
          { from: 'review', to: 'gone', condition: '$.output.good == true' },
          { from: 'l', to: 'after', condition: 'done' },
        ],
        { start: 'l' },
      )
      let reviews = 0
      expect(await workOff(t, () => ({ good: ++reviews > 3 }))).toEqual(['draft', 'review', 'draft', 'review', 'gone'])
      expect(await story(t, id)).toContain('after skipped')
    }))

  it('within a loop begins anew in each iteration of the outer one', () =>
    db.inTransaction(async (t) => {
      const id = await begin(
        t,
        db.acme.owner,
        [{ id: 'o', type: 'loop', max_iterations: 2 }, { id: 'i', type: 'loop', max_iterations: 2 }, work('w')],
        'o>i i>w w>i i>o',
        { start: 'o' },
      )
      expect(await workOff(t)).toEqual(['w', 'w', 'w', 'w'])
      expect((await story(t, id)).filter((line) => line.includes('w '))).toEqual([
        'o[0]/i[0]/w completed',
        'o[0]/i[1]/w completed',
        'o[1]/i[0]/w completed',
        'o[1]/i[1]/w completed',
      ])
      expect((await readRun(t, id)).status).toBe('completed')
    }))

  it('whose body needs nobody goes on in one transaction after another, until the steps of a run are too many', () =>
    db.inTransaction(async (t) => {
      const nodes = [
        { id: 'l', type: 'loop', max_iterations: 10_000 },
        { id: 'x', type: 'transform', expression: '$.iteration' },
      ]
      const id = await begin(t, db.acme.owner, nodes, 'l>x x>l', { start: 'l' })
      const before = await readRun(t, id)
      expect(before.status).toBe('active')
      expect(before.step_count).toBeLessThan(300)
      await t.query('update app_public.workflow_runs set step_count = 9900 where id = $1', [id])
      await wake(t)
      expect(await readRun(t, id)).toMatchObject({ status: 'failed', error_code: 'too_many_steps', step_count: 10_001 })
    }))
})

describe('a fan-out', () => {
  it('maps a step over a list, so many at once, and reduces the results in their order', () =>
    db.inTransaction(async (t) => {
      const id = await begin(
        t,
        db.acme.owner,
        [
          {
            id: 'm',
            type: 'map_reduce',
            items: '$.input.pages[*]',
            max_concurrency: 2,
            step: { type: 'search', input: { page: '$.item', n: '$.index', all: '$.input.title' } },
            reduce: { type: 'search', name: 'reduce', input: { of: '$.results' } },
          },
          { id: 'end', type: 'end', input: { result: '$.steps.m' } },
        ],
        'm>end',
        { input: { pages: ['p0', 'p1', 'p2'], title: 'T' } },
      )
      const first = [await claim(t), await claim(t)]
      expect(await claim(t)).toBeUndefined()
      expect(first[0]?.input).toEqual({ page: 'p0', n: 0, all: 'T' })
      await complete(t, first[1] as never, 'r1')
      await complete(t, (await claim(t)) as never, 'r2')
      await complete(t, first[0] as never, 'r0')
      const reduce = await claim(t)
      expect(reduce?.input).toEqual({ of: ['r0', 'r1', 'r2'] })
      await complete(t, reduce as never, 'all')
      expect(await readRun(t, id)).toMatchObject({ status: 'completed', output: { result: 'all' } })
    }))

  it('over an empty list ends at once, and over none or more than 1,000 items fails', () =>
    db.inTransaction(async (t) => {
      const map = { id: 'm', type: 'map_reduce', items: '$.input.list', step: { type: 'transform' } }
      const over = async (list: unknown) => readRun(t, await begin(t, db.acme.owner, [map], '', { input: { list } }))
      expect(await over([])).toMatchObject({ status: 'completed', output: { m: [] } })
      expect(await over(7)).toMatchObject({ status: 'failed', error_code: 'items_are_no_list' })
      expect(await over(new Array(1001).fill(1))).toMatchObject({ status: 'failed', error_code: 'too_many_items' })
    }))

  it('scatters to several steps and gathers what they give; too few results fail it', () =>
    db.inTransaction(async (t) => {
      const scatter = {
        id: 's',
        type: 'scatter_gather',
        min_results: 2,
        steps: [1, 2, 3].map((n) => ({ type: 'search', name: `s${n}`, error_handling: 'skip' })),
      }
      const start = async (failures: number) => {
        const id = await begin(t, db.acme.owner, [scatter])
        for (let n = 0; n < 3; n++) {
          const step = await claim(t)
          await t.becomeRole('rowhouse_worker')
          if (n < failures)
            await t.query(`select runtime.fail_workflow_step($1, $2, $3, 'no')`, [
              step?.tenant_id,
              step?.step_run_id,
              step?.lease_token,
            ])
          else await complete(t, step as never, n)
        }
        return readRun(t, id)
      }
      expect(await start(1)).toMatchObject({ status: 'completed', output: { s: [null, 1, 2] } })
      expect(await start(2)).toMatchObject({ status: 'failed', error_code: 'too_few_results' })
    }))
})

describe('a run within a run', () => {
  it('gets the input of its step, and its output is that of the step', () =>
    db.inTransaction(async (t) => {
      const inner = await createWorkflow(
        t,
        db.acme.owner,
        [work('w', { input: { q: '$.input.q' } }), { id: 'end', type: 'end', input: { a: '$.steps.w' } }],
        'w>end',
      )
      const id = await begin(
        t,
        db.acme.owner,
        [{ id: 'sub', type: 'workflow', workflow_id: inner, input: { q: '$.input.x' } }, work('b')],
        'sub>b',
        {
          input: { x: 4 },
        },
      )
      const w = await claim(t)
      expect(w?.input).toEqual({ q: 4 })
      expect(w?.run_id).not.toBe(id)
      await complete(t, w as never, 'deep')
      const b = await claim(t)
      expect(b?.input).toMatchObject({ previous: { sub: { a: 'deep' } } })
    }))

  it('that needs nobody is done with its step', () =>
    db.inTransaction(async (t) => {
      const inner = await createWorkflow(
        t,
        db.acme.owner,
        [{ id: 'x', type: 'transform', expression: '$.input.n' }],
        '',
      )
      const id = await begin(t, db.acme.owner, [{ id: 'sub', type: 'workflow', workflow_id: inner, input: { n: '7' } }])
      expect(await readRun(t, id)).toMatchObject({ status: 'completed', output: { sub: { x: 7 } } })
    }))

  it('fails its step when it fails, and lies at most five deep', () =>
    db.inTransaction(async (t) => {
      const id = await createWorkflow(t, db.acme.owner, [{ id: 'x', type: 'transform' }], '')
      const definition = { nodes: [{ id: 'again', type: 'workflow', workflow_id: id }], edges: [] }
      await t.query('update app_public.workflows set workflow_definition = $2 where id = $1', [
        id,
        JSON.stringify(definition),
      ])
      await t.query('select app_public.publish_workflow($1)', [id])
      const run = await readRun(t, await startRun(t, db.acme.owner, id))
      expect(run).toMatchObject({ status: 'failed', error_code: 'too_deep' })
      expect(await t.value('select count(*)::int from app_public.workflow_runs where root_run_id = $1', [run.id])).toBe(
        6,
      )
    }))
})

it('a wait lasts as long as it says', () =>
  db.inTransaction(async (t) => {
    await begin(t, db.acme.owner, [{ id: 'w', type: 'wait', seconds: 60 }, work('after')], 'w>after')
    await setClockLater(t, '59 seconds')
    await wake(t)
    expect(await claim(t)).toBeUndefined()
    await setClockLater(t, '61 seconds')
    expect((await claim(t))?.config.id).toBe('after')
  }))
