// What the first search of a connection costs, and what is left of it when connections are kept and made ready: in SQL, and
// over HTTP after a silence in which the server's pool may close what it does not keep.

import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { millisecondsOf } from '../graphql/processor.ts'
import { withGraphQL } from '../graphql.ts'
import { withProgress } from '../progress.ts'
import { withClient, withScratch } from '../scratch.ts'
import { type Percentiles, percentilesOf, timed } from '../timing.ts'
import { makeTexts } from './corpus.ts'
import { becomeUser } from './hybrid.ts'
import { createTenant, insertChunks, mergeIndex, rankTerms, settle, stage, type Tenant } from './load.ts'
import { drawQuerySets } from './queries.ts'

export type ColdResult = {
  chunks: number
  silenceSeconds: number
  rounds: number
  /** On a connection of its own each: the first search, the first after search.warm_up(), that call, and a later search. */
  sql: { first: Percentiles; firstWarmed: Percentiles; warmUp: Percentiles; later: Percentiles }
  /** Over HTTP: searches in a row, and the first one after the silence, by a server that keeps connections and one that does not. */
  http: { keeps: boolean; warm: Cost; first: Cost }[]
}

/** Until the answer, and the processor time of PostgreSQL for it, which other work of the machine does not change. */
export type Cost = { elapsed: Percentiles; processor: Percentiles }

const chunks = 1_000
const slug = 'cold'
const searchesInARow = 30
const keptConnections = 2
const settleMs = 5
const graphql = `query ($question: String!) {
  search(query: $question, mode: bm25, limit: 10) { nodes { score chunkId title } }
}`

export async function measureCold(serverUrl: string, rounds: number, silenceSeconds: number): Promise<ColdResult> {
  return withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      await stage(admin, makeTexts(), chunks, { add: () => {} })
      await rankTerms(admin)
      const sets = await drawQuerySets(admin, searchesInARow)
      const questions = sets.flatMap(({ queries }) => queries.map((terms) => terms.join(' ')))
      const tenant = await createTenant(admin, slug)
      await insertChunks(admin, tenant, { first: 1, last: chunks })
      await mergeIndex(admin, tenant)
      await settle(admin)
      return {
        chunks,
        silenceSeconds,
        rounds,
        sql: await inSql(url, tenant, questions, rounds),
        http: [
          await overHttp(admin, url, questions, rounds, silenceSeconds, true),
          await overHttp(admin, url, questions, rounds, silenceSeconds, false),
        ],
      }
    }),
  )
}

async function inSql(url: string, tenant: Tenant, questions: string[], rounds: number): Promise<ColdResult['sql']> {
  const times = { first: [] as number[], firstWarmed: [] as number[], warmUp: [] as number[], later: [] as number[] }
  const connect = (isWarmed: boolean): Promise<void> =>
    withClient(url, async (client) => {
      // what every connection of the server has done before its first request
      await client.query('set jit = off')
      if (isWarmed) times.warmUp.push(await timed(async () => void (await client.query('select search.warm_up()'))))
      await becomeUser(client, tenant)
      for (const [i, question] of questions.entries()) {
        const ms = await timed(async () => {
          await client.query(`select * from app_public.search($1, 'bm25')`, [question])
        })
        if (i === 0) times[isWarmed ? 'firstWarmed' : 'first'].push(ms)
        else if (i >= questions.length / 2) times.later.push(ms)
      }
    })
  await withProgress('  connections', rounds, async (bar) => {
    for (let round = 0; round < rounds; round++) {
      for (const isWarmed of round % 2 === 0 ? [true, false] : [false, true]) await connect(isWarmed)
      bar.add(1)
    }
  })
  return {
    first: percentilesOf(times.first),
    firstWarmed: percentilesOf(times.firstWarmed),
    warmUp: percentilesOf(times.warmUp),
    later: percentilesOf(times.later),
  }
}

async function overHttp(
  admin: pg.Client,
  url: string,
  questions: string[],
  rounds: number,
  silenceSeconds: number,
  keeps: boolean,
): Promise<ColdResult['http'][number]> {
  const costs = { warm: [] as Ask[], first: [] as Ask[] }
  await withGraphQL(
    url,
    async ({ tokenFor, ask }) => {
      const token = await tokenFor(`${slug}@bench.test`)
      const search = async (i: number): Promise<Ask> => {
        const before = await processorTime(admin)
        const ms = await timed(
          async () => void (await ask(token, graphql, { question: questions[i % questions.length] })),
        )
        // PostgreSQL counts the end of a statement a moment after it has answered
        await wait(settleMs)
        return { ms, processorMs: (await processorTime(admin)) - before }
      }
      await withProgress(`  after ${silenceSeconds} s of silence`, rounds, async (bar) => {
        for (let i = 0; i < searchesInARow; i++) await search(i)
        for (let round = 0; round < rounds; round++) {
          for (let i = 0; i < searchesInARow; i++) costs.warm.push(await search(i))
          await wait(1_000 * silenceSeconds)
          costs.first.push(await search(round))
          bar.add(1)
        }
      })
    },
    keeps ? { warmConnections: keptConnections } : {},
  )
  return { keeps, warm: costOf(costs.warm), first: costOf(costs.first) }
}

/** Whether PostgreSQL's processor time could be seen: not where it runs on another machine. */
export const isSeen = (...costs: Cost[]): boolean => costs.every(({ processor }) => (processor.p50 ?? 0) > 0)

type Ask = { ms: number; processorMs: number }

const costOf = (asked: Ask[]): Cost => ({
  elapsed: percentilesOf(asked.map(({ ms }) => ms)),
  processor: percentilesOf(asked.map(({ processorMs }) => processorMs)),
})

/** Milliseconds of all sessions of the server; 0 where it cannot be seen. */
async function processorTime(admin: pg.Client): Promise<number> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where datname = current_database() and application_name = 'rowhouse_authenticator'`,
  )
  const each = await Promise.all(rows.map(({ pid }) => millisecondsOf(pid)))
  return each.reduce<number>((sum, ms) => sum + (ms ?? 0), 0)
}
