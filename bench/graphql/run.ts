// npm run bench -- graphql: one agent by its id over HTTP, from our server and from plain PostGraphile with grafserv on
// the same database with the same row level security, but without authentication, limits and metering.

import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { loadavg } from 'node:os'
import type pg from 'pg'
import { z } from 'zod'
import { loadTenants, type Tenant } from '../catalog/load.ts'
import { type Measurement, whole, wholes } from '../command.ts'
import { figure, ms, table } from '../format.ts'
import { median } from '../metering/part.ts'
import { mulberry32, pick } from '../random.ts'
import { type Server, withClient, withScratch } from '../scratch.ts'
import { percentile } from '../timing.ts'
import { askFor, type Question } from './clients.ts'
import { secondsOf, secondsOfSessions } from './processor.ts'
import type { Started } from './server.ts'

const options = z.object({ clients: wholes(1, 1000), rounds: whole(1, 100), seconds: whole(1, 600) })

const bar = 0.6
const agents = 100
type Kind = 'ours' | 'plain'
const kinds: Kind[] = ['ours', 'plain']

const fields = 'name displayName description status rating'
/** The same answer; by itself PostGraphile names a column "id" otherwise. */
const queries: Record<Kind, string> = {
  ours: `query ($id: UUID!) { agent(id: $id) { id ${fields} } }`,
  plain: `query ($id: UUID!) { agent(rowId: $id) { id: rowId ${fields} } }`,
}

/** One round of one server; processor times are milliseconds a request. */
type Round = { perSecond: number; node: number; postgres: number | undefined; p50: number; p99: number }
type Result = { clients: number; rounds: Record<Kind, Round[]> }

export const graphql: Measurement<typeof options> = {
  name: 'graphql',
  usage: `  --clients N,N    clients that ask at once (1,8,16)
  --rounds N       rounds, the two servers in turn (5)
  --seconds N      how long each is asked in a round (3)`,
  options,
  defaults: {
    clients: { usual: '1,8,16', smallest: '2' },
    rounds: { usual: '5', smallest: '1' },
    seconds: { usual: '3', smallest: '1' },
  },
  measure: async ({ url, server, cores, part }, { clients, rounds, seconds }) => {
    const results = await part('one agent by its id', () => measure(url, clients, rounds, seconds))
    return { markdown: toMarkdown({ server, cores, rounds, seconds, results }), json: { server, cores, results } }
  },
}

const measure = (serverUrl: string, clients: number[], rounds: number, seconds: number): Promise<Result[]> =>
  withScratch(serverUrl, (url) =>
    withClient(url, async (admin) => {
      const [tenant] = await loadTenants(admin, 1, agents, { add: () => {} })
      if (!tenant) throw new Error('There is no tenant.')
      await admin.query('vacuum analyze')
      const ids = await admin.query<{ id: string }>('select id from app_public.agents where tenant_id = $1', [
        tenant.id,
      ])
      const random = mulberry32(7)
      const anyId = (): string => pick(random, ids.rows).id
      const servers = { ours: await start('ours', url, tenant), plain: await start('plain', url, tenant) }
      const results: Result[] = []
      try {
        for (const kind of kinds) await askFor(2, 8, questionTo(servers[kind], kind, anyId))
        for (const count of clients) {
          const result: Result = { clients: count, rounds: { ours: [], plain: [] } }
          // in turn, another one first each time
          for (let round = 0; round < rounds; round += 1) {
            for (const kind of round % 2 === 0 ? kinds : [...kinds].reverse())
              result.rounds[kind].push(
                await askRound(admin, servers[kind], seconds, count, questionTo(servers[kind], kind, anyId)),
              )
          }
          results.push(result)
        }
        return results
      } finally {
        for (const kind of kinds) servers[kind].stop()
      }
    }),
  )

type Running = Started & { pid: number; application: string; stop: () => void }

async function start(kind: Kind, url: string, tenant: Tenant): Promise<Running> {
  const application = `rowhouse_bench_${kind}`
  const target = new URL(url)
  target.searchParams.set('application_name', application)
  const child = fork(new URL('./server.ts', import.meta.url), [kind], {
    // of the plain one's warnings about our schema nobody wants to hear
    stdio: ['ignore', 'ignore', kind === 'plain' ? 'ignore' : 'inherit', 'ipc'],
    env: {
      ...process.env,
      DATABASE_URL: target.href,
      JWT_SECRET: randomBytes(48).toString('base64url'),
      JWT_ISSUER: 'bench',
      JWT_AUDIENCE: 'bench',
      BENCH_TENANT: tenant.id,
      BENCH_USER: tenant.userId,
      BENCH_EMAIL: tenant.email,
    },
  })
  const ended = once(child, 'exit').then(() => {
    throw new Error(`The server to measure (${kind}) ended.`)
  })
  ended.catch(() => {})
  const [started] = (await Promise.race([once(child, 'message'), ended])) as [Started]
  return { ...started, pid: child.pid ?? 0, application, stop: () => child.disconnect() }
}

const questionTo = ({ url, token }: Started, kind: Kind, anyId: () => string): Question => ({
  url,
  headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
  body: () => JSON.stringify({ query: queries[kind], variables: { id: anyId() } }),
})

async function askRound(
  admin: pg.Client,
  server: Running,
  seconds: number,
  clients: number,
  question: Question,
): Promise<Round> {
  const used = async () => ({
    node: await secondsOf(server.pid),
    postgres: await secondsOfSessions(admin, server.application),
  })
  const before = await used()
  const { perSecond, answers, times } = await askFor(seconds, clients, question)
  const after = await used()
  const each = (one: number | undefined, other: number | undefined): number | undefined =>
    one === undefined || other === undefined ? undefined : ((other - one) * 1_000) / answers
  return {
    perSecond,
    node: each(before.node, after.node) ?? Number.NaN,
    postgres: each(before.postgres, after.postgres),
    p50: percentile(times, 0.5) as number,
    p99: percentile(times, 0.99) as number,
  }
}

const processorOf = ({ node, postgres }: Round): number => node + (postgres ?? Number.NaN)

/** What the plain server and its sessions use for a request, over what ours do: hardly moved by others on the machine. */
const processorRatioOf = ({ rounds: { ours, plain } }: Result): number =>
  median(ours.map((round, i) => processorOf(plain[i] as Round) / processorOf(round)))

type Report = { server: Server; cores: number; rounds: number; seconds: number; results: Result[] }

/** Of the rounds' ratios, because a machine that others use is not the same from one round to the next. */
const ratioOf = ({ rounds: { ours, plain } }: Result): number =>
  median(ours.map(({ perSecond }, i) => perSecond / (plain[i] as Round).perSecond))

function toMarkdown({ server, cores, rounds, seconds, results }: Report): string {
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`)
  const of = (list: Round[], value: (round: Round) => number | undefined): number =>
    median(list.map((round) => value(round) ?? Number.NaN))
  const known = (value: number, write: (value: number) => string): string =>
    Number.isNaN(value) ? 'not known' : write(value)
  return [
    '# GraphQL over HTTP, measured',
    `${server.engine}, ${cores} cores shared by the clients, the server, PostgreSQL and whatever else runs (load average ${figure(loadavg()[0] as number)} at the end); ${settings.join(', ')}. One agent of ${agents} by its id, six fields; ${rounds} rounds of ${seconds} s, the two servers in turn; medians. How and what: [README](../README.md).`,
    `Bar: requests a second at least ${bar} of the plain server's, at 8 clients. ${results
      .map((result) => `${result.clients}: ${figure(ratioOf(result))}`)
      .join('; ')}.`,
    table(
      [
        'clients',
        'server',
        'requests/s',
        'ours / plain',
        'processor, plain / ours',
        'node, ms each',
        'PostgreSQL, ms each',
        'p50, ms',
        'p99, ms',
      ],
      results.flatMap((result) =>
        kinds.map((kind) => {
          const list = result.rounds[kind]
          return [
            String(result.clients),
            kind,
            of(list, ({ perSecond }) => perSecond).toFixed(0),
            kind === 'ours' ? figure(ratioOf(result)) : '',
            kind === 'ours' ? known(processorRatioOf(result), figure) : '',
            known(
              of(list, ({ node }) => node),
              ms,
            ),
            known(
              of(list, ({ postgres }) => postgres),
              ms,
            ),
            ms(of(list, ({ p50 }) => p50)),
            ms(of(list, ({ p99 }) => p99)),
          ]
        }),
      ),
    ),
    '',
  ].join('\n\n')
}
