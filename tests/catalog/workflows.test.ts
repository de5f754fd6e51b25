// Workflows: only graphs that can be run, of things their author sees.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { create, failure, find, insertOf } from './helpers.ts'

const db = useDatabase()
type Node = { id: string; type: string; [key: string]: unknown }
const human = (...ids: string[]): Node[] => ids.map((id) => ({ id, type: 'human' }))
/** Edges of "a>b b>c". */
const edges = (text: string): object[] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((edge) => ({ from: edge.split('>')[0], to: edge.split('>')[1] }))
const definition = (nodes: unknown[], text = '', more: object = {}): object => ({ nodes, edges: edges(text), ...more })
const loop = { id: 'l', type: 'loop', max_iterations: 3 }

describe('a definition', () => {
  it.each([
    ['one node', definition(human('a'))],
    ['a chain', definition([{ id: 's', type: 'start' }, ...human('a'), { id: 'e', type: 'end' }], 's>a a>e')],
    ['two starts that meet', definition(human('a', 'b', 'c'), 'a>c b>c')],
    [
      'a diamond',
      definition([{ id: 'p', type: 'parallel', max_concurrency: 2 }, ...human('a', 'b', 'c')], 'p>a p>b a>c b>c'),
    ],
    ['a cycle through a loop', definition([loop, ...human('a', 'b', 'c')], 'l>a a>b b>l l>c', { start: 'l' })],
    ['a loop on itself', definition([loop], 'l>l', { start: 'l' })],
    ['a start by name in a cycle', definition([loop, ...human('a')], 'a>l l>a', { start: 'a' })],
    [
      'conditions',
      {
        nodes: [{ id: 'c', type: 'condition', expression: 'x > 1' }, ...human('a')],
        edges: [
          { from: 'c', to: 'a', condition: 'yes' },
          { from: 'c', to: 'a', condition: 'no' },
        ],
      },
    ],
  ])('is taken: %s', (_name, workflow_definition) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await failure(t, ...insertOf('workflow', { workflow_definition }))).toBeUndefined()
    }),
  )

  it.each([
    ['no nodes', {}, 'nodes is missing'],
    ['an unknown key', definition(human('a'), '', { note: 1 }), 'note is not known'],
    ['an empty graph', definition([]), '1 to 500 nodes'],
    ['a node without an id', definition([{ type: 'human' }]), 'node #1'],
    ['a node that is none', definition([7]), 'node #1'],
    ['an unknown type', definition([{ id: 'a', type: 'magic' }]), 'node a has an unknown type'],
    ['an unknown key of a node', definition([{ id: 'a', type: 'human', agent: 'x' }]), 'node a.agent is not known'],
    ['an id twice', definition(human('a', 'a')), 'node a occurs more than once'],
    ['an edge to nowhere', definition(human('a'), 'a>b'), 'node b, which does not exist'],
    ['an edge from nowhere', definition(human('a'), 'b>a'), 'node b, which does not exist'],
    ['an edge twice', definition(human('a', 'b'), 'a>b a>b'), 'from node a to node b occurs twice'],
    ['an edge without an end', { nodes: human('a'), edges: [{ from: 'a' }] }, 'edge #1.to is missing'],
    ['a start that is not there', definition(human('a'), '', { start: 'z' }), 'start is node z'],
    ['an edge into a start', definition([...human('a'), { id: 's', type: 'start' }], 'a>s'), 'node s is a start'],
    ['an edge out of an end', definition([...human('a'), { id: 'e', type: 'end' }], 'e>a'), 'node e is an end'],
    [
      'a node that cannot be reached',
      definition(human('a', 'b', 'c'), 'a>b', { start: 'a' }),
      'node c cannot be reached',
    ],
    ['a circle apart', definition([...human('a', 'b'), loop], 'b>l l>b'), 'node b cannot be reached'],
    ['nothing but a circle', definition(human('a', 'b'), 'a>b b>a'), 'no node is the start'],
    ['a cycle', definition(human('a', 'b', 'c', 'd'), 'a>b b>c c>b c>d'), 'node b is on a cycle'],
    ['a cycle of one', definition(human('a', 'b'), 'a>b b>b'), 'node b is on a cycle'],
    [
      'a second cycle beside a loop',
      definition([loop, ...human('a', 'b', 'c')], 'l>a a>l a>b b>c c>b', { start: 'l' }),
      'on a cycle',
    ],
    ['a loop without a bound', definition([{ id: 'l', type: 'loop' }]), 'node l.max_iterations is missing'],
    ['an endless loop', definition([{ ...loop, max_iterations: 10_001 }]), 'node l.max_iterations'],
    [
      'an agent that is none',
      definition([{ id: 'a', type: 'agent', agent_id: 'x' }]),
      'node a.agent_id is not of type uuid',
    ],
    ['an agent step without one', definition([{ id: 'a', type: 'agent' }]), 'node a needs either agent_id or role'],
    ['501 nodes', definition(human(...Array.from({ length: 501 }, (_, i) => `n${i}`))), '1 to 500 nodes'],
  ])('is refused: %s', (_name, workflow_definition, message) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const refused = await failure(t, ...insertOf('workflow', { workflow_definition }))
      expect(refused).toMatchObject({ code: 'RS432', message: expect.stringContaining(message) })
    }),
  )

  it('is judged as a slow and simple judge does: random graphs', () =>
    db.inTransaction(async (t) => {
      const graph = fc.record({
        loops: fc.array(fc.boolean(), { minLength: 1, maxLength: 7 }),
        pairs: fc.uniqueArray(fc.tuple(fc.nat(6), fc.nat(6)), { maxLength: 12, selector: String }),
      })
      await fc.assert(
        fc.asyncProperty(graph, async ({ loops, pairs }) => {
          const n = loops.length
          const arcs = pairs.filter(([a, b]) => a < n && b < n)
          const isOk = await t.value<boolean>(`select catalog.graph_faults($1) = '{}'`, [
            JSON.stringify({
              nodes: loops.map((isLoop, i) => ({ id: `${i}`, type: isLoop ? 'loop' : 'human' })),
              edges: arcs.map(([a, b]) => ({ from: `${a}`, to: `${b}` })),
            }),
          ])
          // every node can be reached from one that nothing leads to, and none leads back to itself without a loop
          const reach = (from: number, allowed: (i: number) => boolean): Set<number> => {
            const found = new Set<number>()
            const visit = (i: number): void => {
              for (const [a, b] of arcs) if (a === i && allowed(b) && !found.has(b) && found.add(b)) visit(b)
            }
            visit(from)
            return found
          }
          const all = [...loops.keys()]
          const starts = all.filter((i) => !arcs.some(([, b]) => b === i))
          const reached = new Set(starts.flatMap((i) => [i, ...reach(i, () => true)]))
          const hasCycle = all.some((i) => !loops[i] && reach(i, (j) => !loops[j]).has(i))
          expect(isOk).toBe(reached.size === n && !hasCycle)
        }),
        { seed: 4, numRuns: 300 },
      )
    }))

  it('of the largest size is judged at once', () =>
    db.inTransaction(async (t) => {
      await t.query(`set local statement_timeout = '5s'`)
      const ids = Array.from({ length: 500 }, (_, i) => `n${i}`)
      const chain = ids.slice(1).map((id, i) => `${ids[i]}>${id}`)
      const skips = ids.flatMap((id, i) => [2, 3, 4].filter((d) => ids[i + d]).map((d) => `${id}>${ids[i + d]}`))
      const workflow_definition = definition(human(...ids), [...chain, ...skips].join(' '))
      await t.become(db.acme.member)
      expect(await failure(t, ...insertOf('workflow', { workflow_definition }))).toBeUndefined()
    }))

  it('of more than a megabyte is refused', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const noise = Array.from({ length: 60_000 }, () => crypto.randomUUID()).join()
      const workflow_definition = definition([{ id: 'a', type: 'human', instructions: noise }])
      expect(await t.errorCode(...insertOf('workflow', { workflow_definition }))).toBe('RS621')
    }))
})

describe('what a workflow refers to', () => {
  it('is refused with its node when its author does not see it', () =>
    db.inTransaction(async (t) => {
      for (const kind of ['agent', 'tool', 'prompt'] as const) {
        const own = await create(t, db.acme.admin, kind)
        const deleted = await create(t, db.acme.admin, kind)
        await t.query(`select app_public.delete_${kind}($1)`, [deleted])
        const foreign = await create(t, db.globex.admin, kind)
        await t.become(db.acme.member)
        for (const id of [foreign, deleted, crypto.randomUUID()]) {
          expect(
            await failure(
              t,
              ...insertOf('workflow', {
                workflow_definition: definition([{ id: 'step-1', type: kind, [`${kind}_id`]: id }]),
              }),
            ),
          ).toMatchObject({ code: 'RS434', message: expect.stringContaining(`node step-1 refers to a ${kind}`) })
        }
        await create(t, db.acme.member, 'workflow', {
          workflow_definition: definition([{ id: 'step-1', type: kind, [`${kind}_id`]: own }]),
        })
      }
    }))

  /** A workflow that names three agents: in a node, in a step, and by two roles. */
  const namingThree = async (t: Transaction): Promise<{ id: string; agents: string[] }> => {
    const agents: string[] = []
    for (let i = 0; i < 3; i += 1) agents.push(await create(t, db.acme.member, 'agent'))
    const [a, b, c] = agents
    const id = await create(t, db.acme.member, 'workflow', {
      workflow_type: 'scatter_gather',
      workflow_definition: definition(
        [
          { id: '1', type: 'agent', agent_id: a },
          { id: '2', type: 'agent', role: 'reviewer' },
        ],
        '1>2',
      ),
      steps: JSON.stringify([{ name: 'Check', agent_id: c, node: '1' }]),
      agent_roles: { reviewer: b, strategist: a },
    })
    return { id, agents }
  }

  it('makes its agent_ids, from nodes, steps and roles, each once', () =>
    db.inTransaction(async (t) => {
      const { id, agents } = await namingThree(t)
      expect((await find(t, 'workflow', id))?.agent_ids).toEqual([...agents].sort())
      await t.query(
        `update app_public.workflows set workflow_definition = $1, steps = '[]', agent_roles = '{}' where id = $2`,
        [definition(human('x')), id],
      )
      expect((await find(t, 'workflow', id))?.agent_ids).toEqual([])
    }))

  it('alone makes its agent_ids: nobody writes them', () =>
    db.inTransaction(async (t) => {
      const { id } = await namingThree(t)
      expect(await t.errorCode(`update app_public.workflows set agent_ids = '{}' where id = $1`, [id])).toBe('42501')
    }))

  it.each([
    [{ steps: '[7]' }, 'step #1 is not an object'],
    [{ steps: '[{"name": "x", "who": 1}]' }, 'step #1.who is not known'],
    [{ steps: '[{"description": "x"}]' }, 'step #1.name is missing'],
    [{ steps: '[{"name": "x", "node": "nowhere"}]' }, 'step #1 refers to node nowhere'],
    [{ agent_roles: { reviewer: 'Bob' } }, 'reviewer is not the id of an agent'],
    [{ workflow_definition: definition([{ id: 'a', type: 'agent', role: 'judge' }]) }, 'node a has the role judge'],
  ])('steps and roles are checked: %j', (columns, message) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await failure(t, ...insertOf('workflow', columns))).toMatchObject({
        code: 'RS433',
        message: expect.stringContaining(message),
      })
    }),
  )

  it.each([
    [{ workflow_definition: '[]' }],
    [{ steps: '{}' }],
    [{ agent_roles: '[]' }],
    [{ error_handling: 'panic' }],
    [{ max_retries: 21 }],
    [{ timeout_seconds: 0 }],
    [{ workflow_type: 'circular' }],
  ])('and columns: %j', (columns) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(['23514', '22P02', 'RS432']).toContain(await t.errorCode(...insertOf('workflow', columns)))
    }),
  )
})
