// An interpreter of workflows that knows nothing of the one in the database. It walks a tree of blocks; the database runs the graph
// that the tree is compiled to. Both ask the same oracle what a step gives and how often it fails.

import { between, pick, type Random } from '../../bench/random.ts'
import type { Edge, Node } from './workflow-helpers.ts'

export type Work = { id: string; handling: 'stop' | 'continue' | 'skip' | 'retry'; failures: number; isMap: boolean }
export type Block =
  | { kind: 'work'; work: Work }
  | { kind: 'sequence'; blocks: Block[] }
  | { kind: 'branch'; asked: Work; above: number; id: string; yes: Block; otherwise?: Block }
  | { kind: 'parallel'; id: string; atOnce: number; blocks: Block[] }
  | { kind: 'loop'; id: string; most: number; times: number; asksAfter: boolean; body: Block }

export const items = ['a', 'b', 'c']
export const mostRetries = 2
type Loose = { from: string; condition?: string }

export function randomBlock(random: Random, depth: number, name: () => string): Block {
  const block = () => randomBlock(random, depth - 1, name)
  const work = (): Work => {
    const failures = random() < 0.3 ? between(random, 1, 3) : 0
    const handling = failures > 2 || random() < 0.5 ? pick(random, ['continue', 'skip'] as const) : 'retry'
    return {
      id: name(),
      // few runs shall fail whole
      handling: failures > 0 && random() < 0.05 ? 'stop' : handling,
      failures,
      isMap: random() < 0.15,
    }
  }
  const kind =
    depth === 0 ? 'work' : pick(random, ['work', 'sequence', 'sequence', 'branch', 'parallel', 'loop'] as const)
  switch (kind) {
    case 'work':
      return { kind, work: work() }
    case 'sequence':
      return { kind, blocks: [block(), block()] }
    case 'branch':
      return {
        kind,
        asked: { ...work(), isMap: false },
        above: between(random, 2, 7),
        id: name(),

        yes: block(),
        ...(random() < 0.5 ? { otherwise: block() } : {}),
      }
    case 'parallel':
      return {
        kind,
        id: name(),
        atOnce: between(random, 1, 3),
        blocks: [block(), block(), block()].slice(random() < 0.5 ? 1 : 0),
      }
    case 'loop':
      return {
        kind,
        id: name(),
        most: between(random, 1, 3),
        times: between(random, 0, 4),
        asksAfter: random() < 0.4,
        body: block(),
      }
  }
}

/** The graph of a block between a start and an end. */
export function compile(block: Block): { nodes: Node[]; edges: Edge[] } {
  const nodes: Node[] = [{ id: 'start', type: 'start' }]
  const edges: Edge[] = []
  const place = (node: Node, entries: Loose[]): Loose[] => {
    nodes.push(node)
    for (const entry of entries) edges.push({ ...entry, to: node.id })
    return [{ from: node.id }]
  }
  const placeWork = ({ id, handling, isMap }: Work, entries: Loose[]): Loose[] => {
    const step = { type: 'search', error_handling: handling, max_retries: mostRetries }
    return place(
      isMap ? { id, type: 'map_reduce', items: '$.input.items[*]', max_concurrency: 2, step } : { id, ...step },
      entries,
    )
  }
  const walk = (at: Block, entries: Loose[]): Loose[] => {
    switch (at.kind) {
      case 'work':
        return placeWork(at.work, entries)
      case 'sequence':
        return at.blocks.reduce((loose, next) => walk(next, loose), entries)
      case 'branch': {
        const condition: Node = { id: at.id, type: 'condition', expression: `$.steps.${at.asked.id}.n > ${at.above}` }
        place(condition, placeWork(at.asked, entries))
        const no: Loose[] = [{ from: at.id, condition: 'false' }]
        return [...walk(at.yes, [{ from: at.id, condition: 'true' }]), ...(at.otherwise ? walk(at.otherwise, no) : no)]
      }
      case 'parallel': {
        const loose = place({ id: at.id, type: 'parallel', max_concurrency: at.atOnce }, entries)
        return at.blocks.flatMap((next) => walk(next, loose))
      }
      case 'loop': {
        const loop: Node = { id: at.id, type: 'loop', max_iterations: at.most, expression: `$.iteration < ${at.times}` }
        nodes.push(loop)
        if (!at.asksAfter) for (const entry of entries) edges.push({ ...entry, to: at.id })
        const ends = walk(at.body, [...(at.asksAfter ? entries : []), { from: at.id }])
        for (const end of ends) edges.push({ ...end, to: at.id })
        return [{ from: at.id }]
      }
    }
  }
  place({ id: 'end', type: 'end' }, walk(block, [{ from: 'start' }]))
  return { nodes, edges }
}

export type Expected = { status: 'completed' | 'failed'; steps: Map<string, string> }
export type Oracle = (place: string) => { n: number }

export const placeOf = (scope: string, id: string, item: number | null): string => `${scope}|${id}|${item ?? ''}`

/** What becomes of each step that a worker gets, by its place. */
export function interpret(block: Block, oracle: Oracle): Expected {
  const steps = new Map<string, string>()
  const known = new Map<string, number | undefined>()
  let hasFailed = false
  const attempt = (work: Work, scope: string, item: number | null): void => {
    const place = placeOf(scope, work.id, item)
    const succeeds = work.failures === 0 || (work.handling === 'retry' && work.failures <= mostRetries)
    if (!succeeds && (work.handling === 'stop' || work.handling === 'retry')) hasFailed = true
    const status = succeeds ? 'completed' : work.handling === 'skip' ? 'skipped' : 'failed'
    steps.set(place, status)
    if (item === null && status === 'completed') known.set(work.id, oracle(place).n)
    if (item === null && status === 'failed') known.set(work.id, undefined)
  }
  const run = (work: Work, scope: string): void => {
    if (work.isMap) for (const item of items.keys()) attempt(work, scope, item)
    else attempt(work, scope, null)
  }
  const walk = (at: Block, scope: string): void => {
    switch (at.kind) {
      case 'work':
        run(at.work, scope)
        return
      case 'sequence':
      case 'parallel':
        for (const next of at.blocks) walk(next, scope)
        return
      case 'branch': {
        run(at.asked, scope)
        const next = (known.get(at.asked.id) ?? -1) > at.above ? at.yes : at.otherwise
        if (next) walk(next, scope)
        return
      }
      case 'loop':
        for (let i = 0; i < at.most && (i < at.times || (at.asksAfter && i === 0)); i++)
          walk(at.body, `${scope && `${scope}/`}${at.id}[${i}]`)
    }
  }
  walk(block, '')
  return { status: hasFailed ? 'failed' : 'completed', steps }
}

/** The works of a block by their ids. */
export function worksOf(block: Block): Map<string, Work> {
  const works = new Map<string, Work>()
  const walk = (at: Block): void => {
    if (at.kind === 'work') works.set(at.work.id, at.work)
    else if (at.kind === 'loop') walk(at.body)
    else if (at.kind === 'branch') {
      works.set(at.asked.id, at.asked)
      walk(at.yes)
      if (at.otherwise) walk(at.otherwise)
    } else for (const next of at.blocks) walk(next)
  }
  walk(block)
  return works
}
