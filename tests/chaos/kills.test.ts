// Server, worker and database are killed again and again while files are loaded, usage is recorded, people search, are
// invited and billed: nothing is lost, nothing is there twice, and nobody has to lend a hand. CHAOS_KILLS=50 kills more often,
// CHAOS_SEED chooses other moments.

import { EventEmitter, once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { between, mulberry32, pick, type Random } from '../../bench/random.ts'
import { hasLocalServer } from '../helpers/fresh-server.ts'
import { engine } from '../helpers/index.ts'
import { useMailServer } from '../helpers/mail-server.ts'
import { type House, openHouse, type Victim, victims } from './house.ts'
import { emptyLedger } from './ledger.ts'
import { judge, type Kill, type Mailed } from './verdict.ts'
import { inTransaction, startWork } from './work.ts'

const kills = Number(process.env.CHAOS_KILLS ?? 6)
const seed = Number(process.env.CHAOS_SEED ?? 20_261_128)
const isLong = kills > 10
const longestQuietMs = 600_000
const longestMs = longestQuietMs + 120_000 + kills * 30_000
const mailServer = useMailServer()

beforeEach(async (context) => {
  const isThere = engine().kind === 'postgres' && engine().version === 15 && (await hasLocalServer(15))
  if (!isThere) context.skip('it needs the binaries of PostgreSQL 15 on this machine, and a server as the engine')
})

/** At a moment of the clock, or when the mail server has just taken a mail: the worst one for a worker. */
type Shot = { victims: Victim[]; afterMs: number; isAtMail: boolean }

/** Every victim in turn, in an order that the seed chooses; now and then two at once. */
function* shots(random: Random): Generator<Shot> {
  for (;;) {
    const round = [...victims].sort(() => random() - 0.5)
    for (const victim of round) {
      const also = random() < 0.2 ? pick(random, victims) : victim
      const afterMs = between(random, 100, 3_000)
      yield { victims: [...new Set([victim, also])], afterMs, isAtMail: victim === 'worker' && random() < 0.5 }
    }
  }
}

const mails: Mailed[] = []
const mailsTaken = new EventEmitter()

async function untilMail(): Promise<void> {
  await once(mailsTaken, 'mail', { signal: AbortSignal.timeout(5_000) }).catch(() => {})
}

async function shoot(house: House): Promise<Kill[]> {
  const done: Kill[] = []
  for (const shot of shots(mulberry32(seed))) {
    if (done.length === kills) return done
    await sleep(shot.afterMs)
    if (shot.isAtMail) await untilMail()
    done.push({ at: performance.now(), victims: shot.victims })
    await Promise.all(shot.victims.map(house.kill))
    await house.isBack()
  }
  return done
}

/** Nothing waits any more but what the clock will bring and, in a short run, mails whose sender was killed (2 minutes). */
async function untilQuiet(house: House): Promise<void> {
  const waiting = `select t.identifier as task, j.attempts, j.max_attempts, j.last_error
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id`
  const isLeased = ({ last_error }: pg.QueryResultRow): boolean => last_error === 'Another worker is sending this mail.'
  for (const deadline = Date.now() + longestQuietMs; ; await sleep(250)) {
    let jobs: pg.QueryResultRow[] = []
    await inTransaction(house.databaseUrl, async (t) => {
      jobs = await t.query(waiting)
    })
    expect(jobs.filter(({ attempts, max_attempts }) => attempts >= max_attempts)).toEqual([])
    if (isLong ? jobs.length === 0 : jobs.every(isLeased)) return
    if (Date.now() > deadline) throw new Error(`These jobs are not done: ${JSON.stringify(jobs.slice(0, 5))}`)
  }
}

it('nothing is lost and nothing is there twice, whoever is killed', { timeout: longestMs }, async () => {
  console.log(`CHAOS_SEED=${seed} CHAOS_KILLS=${kills}`)
  mailServer.onTaken = (mail) => {
    mails.push({ mail, at: performance.now() })
    mailsTaken.emit('mail')
  }
  const house = await openHouse({
    SMTP_URL: mailServer.url,
    MAIL_FROM: 'Rowhouse <mail@rowhouse.test>',
    APP_URL: 'https://app.example.test/',
  })
  onTestFinished(house.close)
  await house.isBack()
  const ledger = emptyLedger()
  const work = await startWork(house.url, house.databaseUrl, seed, ledger)
  const done = await shoot(house)
  console.log(`${done.length} kills in ${Math.round(((done.at(-1)?.at ?? 0) - (done[0]?.at ?? 0)) / 1000)} s`)
  await work.stop()
  await inTransaction(house.databaseUrl, async (t) => {
    for (const task of [
      'metering__store_api_calls',
      'metering__roll_up',
      'search__maintain_indexes',
      'billing__run_invoices',
    ])
      await t.query('select graphile_worker.add_job($1)', [task])
  })
  await untilQuiet(house)
  const { faults, figures } = await judge(house.databaseUrl, ledger, mails, done)
  console.log(done.map(({ victims: killed }) => killed.join(' and ')).join(', '))
  console.log(figures)
  expect(faults).toEqual([])
  expect(house.unbidden).toEqual([])
  expect(await house.orphans()).toEqual([])
  // every part of the work was at work
  for (const acts of [ledger.documents, ledger.usage, ledger.invitations, ledger.customers])
    expect(acts.size).toBeGreaterThan(kills)
  expect(ledger.searches).toBeGreaterThan(0)
})
