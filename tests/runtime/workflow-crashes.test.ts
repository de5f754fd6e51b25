// Workers that die anywhere: random workflows, run by workers that crash, lose their leases and come late, while people pause and
// cancel, end as an interpreter says that knows nothing of the one in the database.

import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { between, mulberry32, pick, type Random } from '../../bench/random.ts'
import { setClockLater } from '../helpers/clock.ts'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { begin, type Claimed, claim, completeCall, readRun, readSteps, wake } from './workflow-helpers.ts'
import {
  type Block,
  compile,
  interpret,
  items,
  type Oracle,
  placeOf,
  randomBlock,
  type Work,
  worksOf,
} from './workflow-model.ts'

const db = useDatabase()
const wantedCrashes = 200

type Held = { step: Claimed; place: string; work: Work }

class Drive {
  readonly held: Held[] = []
  readonly late: Held[] = []
  readonly ended = new Set<string>()
  /** An attempt that was lost has the key of the one before; one that ended never comes again. */
  readonly endedKeys = new Set<string>()
  readonly failed = new Map<string, number>()
  readonly lost = new Map<string, number>()
  crashes = 0
  tokens = 0
  cost = 0
  seconds = 0
  isPaused = false

  readonly t: Transaction
  readonly random: Random
  readonly runId: string
  private readonly works: Map<string, Work>
  private readonly oracle: Oracle

  constructor(t: Transaction, random: Random, runId: string, works: Map<string, Work>, oracle: Oracle) {
    this.t = t
    this.random = random
    this.runId = runId
    this.works = works
    this.oracle = oracle
  }

  async claim(): Promise<boolean> {
    const step = await claim(this.t)
    if (!step) return false
    expect(this.isPaused).toBe(false)
    expect(this.ended).not.toContain(step.step_run_id)
    expect(this.endedKeys).not.toContain(step.idempotency_key)
    await this.t.becomeSuperuser()
    const [row] = await this.t.query<{ scope: string; node_id: string; item_index: number | null }>(
      'select scope, node_id, item_index from app_public.workflow_step_runs where id = $1',
      [step.step_run_id],
    )
    if (!row) throw new Error('There is no such step.')
    const work = this.works.get(row.node_id)
    if (!work) throw new Error(`No worker should get ${row.node_id}.`)
    this.held.push({ step, work, place: placeOf(row.scope, row.node_id, row.item_index) })
    return true
  }

  /** The call that ends an attempt: as the oracle says, it completes or fails. */
  private call({ step, place, work }: Held, tokens: number): [string, unknown[]] {
    if ((this.failed.get(place) ?? 0) >= work.failures)
      return completeCall(step, this.oracle(place), tokens, tokens / 1000)
    return [
      'select runtime.fail_workflow_step($1, $2, $3, $4, $5, $6, $7, $8)',
      [step.tenant_id, step.step_run_id, step.lease_token, 'It broke.', 'broken', true, tokens, tokens / 1000],
    ]
  }

  async end(held = this.takeHeld()): Promise<void> {
    if (!held) return
    const tokens = between(this.random, 0, 50)
    const isCompletion = (this.failed.get(held.place) ?? 0) >= held.work.failures
    await this.t.becomeRole('rowhouse_worker')
    await this.t.query(...this.call(held, tokens))
    this.endedKeys.add(held.step.idempotency_key)
    this.tokens += tokens
    this.cost += tokens
    if (isCompletion) this.ended.add(held.step.step_run_id)
    else this.failed.set(held.place, (this.failed.get(held.place) ?? 0) + 1)
    this.late.push(held)
  }

  /** The process dies: before its call, or in it, before the commit. */
  async crash(): Promise<void> {
    const [held] = this.held
    if (!held || this.isWornOut(held)) return
    this.held.shift()
    this.lost.set(held.place, (this.lost.get(held.place) ?? 0) + 1)
    this.crashes++
    if (this.random() < 0.5) {
      await this.t.becomeRole('rowhouse_worker')
      await this.t.query('savepoint dies')
      await this.t.query(...this.call(held, 7))
      await this.t.query('rollback to savepoint dies')
    }
    this.late.push(held)
  }

  /** Leases end, also of those who are only slow. */
  async passTime(): Promise<void> {
    for (const held of this.held.filter((other) => this.isWornOut(other))) {
      this.held.splice(this.held.indexOf(held), 1)
      await this.end(held)
    }
    for (const held of this.held) this.lost.set(held.place, (this.lost.get(held.place) ?? 0) + 1)
    this.crashes += this.held.length
    this.late.push(...this.held.splice(0))
    this.seconds += 120
    await setClockLater(this.t, `${this.seconds} seconds`)
    await wake(this.t)
  }

  async comeLate(): Promise<void> {
    if (this.late.length === 0) return
    const held = pick(this.random, this.late)
    const isOver = this.held.every((other) => other.step.lease_token !== held.step.lease_token)
    if (!isOver || (await this.isLive(held))) return
    await this.t.becomeRole('rowhouse_worker')
    expect(await this.t.errorCode(...this.call(held, 99))).toBe('RN555')
  }

  /** A worker that crashed may have a lease that lasts; nobody speaks for it any more. */
  private async isLive({ step }: Held): Promise<boolean> {
    await this.t.becomeSuperuser()
    return this.t.value(
      `select exists (select from app_public.workflow_step_runs s
                       where s.id = $1 and s.lease_token = $2 and s.leased_until > core.clock())`,
      [step.step_run_id, step.lease_token],
    )
  }

  async pauseOrResume(): Promise<void> {
    await this.t.become(db.acme.owner)
    const call = this.isPaused ? 'resume' : 'pause'
    await this.t.query(`select app_public.${call}_workflow_run($1)`, [this.runId])
    this.isPaused = !this.isPaused
  }

  /** A fifth loss would fail the step. */
  private isWornOut({ place }: Held): boolean {
    return (this.lost.get(place) ?? 0) >= 3
  }

  private takeHeld(): Held | undefined {
    return this.held.splice(between(this.random, 0, Math.max(this.held.length - 1, 0)), 1)[0]
  }
}

async function drive(run: Drive, cancelsAt: number): Promise<boolean> {
  for (let turn = 0; turn < 1000; turn++) {
    if ((await readRun(run.t, run.runId)).status.match(/completed|failed/)) return false
    if (turn === cancelsAt) {
      await run.t.become(db.acme.owner)
      await run.t.query('select app_public.cancel_workflow_run($1)', [run.runId])
      return true
    }
    const chance = run.random()
    if (chance < 0.04 || (run.isPaused && chance < 0.5)) await run.pauseOrResume()
    else if (chance < 0.12) await run.comeLate()
    else if (chance < 0.3) await run.crash()
    else if (chance < 0.6 && run.held.length > 0) await run.end()
    // when there is nothing to claim and nothing held, something waits for time
    else if (!(await run.claim()) && (run.held.length === 0 || chance > 0.97)) await run.passTime()
  }
  throw new Error('The run does not end.')
}

it('every step ends once, costs add up, and the run comes to what the model says, at 200 crash points', async () => {
  let crashes = 0
  for (let seed = 1; crashes < wantedCrashes; seed++) {
    await db.inTransaction(async (t) => {
      const random = mulberry32(seed)
      let names = 0
      const block: Block = randomBlock(random, 3, () => `n${names++}`)
      const oracle: Oracle = (place) => ({ n: (createHash('sha1').update(`${seed} ${place}`).digest()[0] ?? 0) % 10 })
      const { nodes, edges } = compile(block)
      const runId = await begin(t, db.acme.owner, nodes, edges, { input: { items }, timeout_seconds: 86_400 })
      const run = new Drive(t, random, runId, worksOf(block), oracle)
      const isCancelled = await drive(run, random() < 0.15 ? between(random, 1, 20) : -1)
      crashes += run.crashes
      const expected = interpret(block, oracle)
      const ended = await readRun(t, runId)
      const steps = await readSteps(t, runId)
      const note = `seed ${seed}`

      expect(ended.status, note).toBe(isCancelled ? 'failed' : expected.status)
      expect(Number(ended.tokens), note).toBe(run.tokens)
      expect(Math.round(Number(ended.cost) * 1000), note).toBe(run.cost)
      expect(
        steps.filter((step) => !step.status.match(/completed|failed|skipped|cancelled/)),
        note,
      ).toEqual([])
      expect(await claim(t), note).toBeUndefined()
      const done = new Map(
        steps
          .filter((step) => step.kind === 'search' && (step.attempt > 0 || step.status !== 'skipped'))
          .map((step) => [placeOf(step.scope, step.node_id, step.item_index), step.status]),
      )
      if (isCancelled || expected.status === 'failed') {
        for (const [place, status] of done)
          if (status === 'completed') expect(expected.steps.get(place), note).toBe(status)
      } else {
        expect(Object.fromEntries(done), note).toEqual(Object.fromEntries(expected.steps))
        expect(ended.output, note).toBeDefined()
      }
    })
  }
  expect(crashes).toBeGreaterThanOrEqual(wantedCrashes)
}, 600_000)
