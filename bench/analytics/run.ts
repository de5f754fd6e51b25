// npm run bench -- analytics: the questions of docs/analytics.md, asked by an analyst's login, and the same of the logs.

import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { count, figure } from '../format.ts'
import { type Measured, medianOfRounds, type Part } from '../metering/part.ts'
import { measureParts } from '../metering/report.ts'
import { withClient, withScratch } from '../scratch.ts'
import { inTurn, timed } from '../timing.ts'
import { fill } from './fill.ts'
import { type Question, readQuestions } from './questions.ts'

const longestMs = 200
const longestShare = 0.05

const options = z.object({
  rows: whole(1_000, 100_000_000),
  tenants: whole(2, 10_000),
  rounds: whole(1, 100),
})

type Options = z.infer<typeof options>

type Asked = Question & { ours: number[]; theirs: number[] }

async function askAll(client: pg.Client, login: string, tenantId: string, rounds: number): Promise<Asked[]> {
  const asked = (await readQuestions()).map((question) => ({
    ...question,
    ours: [] as number[],
    theirs: [] as number[],
  }))
  await client.query('set jit = off')
  const turns = asked.map(({ text, overLogs, ours, theirs }) => async () => {
    await client.query(`set session authorization ${login}`)
    ours.push(await timed(async () => void (await client.query(text))))
    await client.query('reset session authorization')
    if (overLogs) theirs.push(await timed(async () => void (await client.query(overLogs, [tenantId]))))
  })
  await inTurn(rounds, turns)
  return asked
}

function compare(asked: Asked[]): Measured[] {
  const slowest = Math.max(...asked.map(({ ours }) => medianOfRounds(ours)))
  const compared = asked.filter(({ theirs }) => theirs.length > 0)
  return [
    {
      name: `the slowest of ${asked.length} questions, ms`,
      ours: figure(slowest),
      theirs: figure(longestMs),
      ratio: slowest,
      sign: '≤',
      bar: longestMs,
    },
    ...compared.map(({ title, ours, theirs }): Measured => {
      const [question, logs] = [medianOfRounds(ours), medianOfRounds(theirs)]
      return {
        name: `${title}, ms`,
        ours: figure(question),
        theirs: figure(logs),
        ratio: question / logs,
        sign: '≤',
        bar: longestShare,
      }
    }),
  ]
}

const measureQuestions = (serverUrl: string, { rows, tenants, rounds }: Options): Promise<Part> =>
  withScratch(serverUrl, (url) =>
    withClient(url, async (client) => {
      const { id } = await fill(client, rows, tenants)
      const login = `bench_${randomBytes(4).toString('hex')}`
      await client.query(`create role ${login} in role rowhouse_analyst`)
      try {
        await client.query('select tenancy.grant_analyst_access($1, $2)', [login, id])
        return {
          title: 'Questions of an analyst',
          how: `A tenant with ${count(rows)} events of usage in 90 days, of 500 people and 40 agents, a third as many calls of models, a fifth as many runs of 20 tools, a tenth as many searches, among ${count(tenants)} tenants. The questions of docs/analytics.md in a session of an analyst's login, policies and pseudonyms included, against the same over the logs of this tenant by a superuser, without policies and pseudonyms, in turn; the median of ${rounds} rounds after one that warms up. The question about quotas reads no log, so it counts only for the slowest.`,
          measured: compare(await askAll(client, login, id, rounds)),
        }
      } finally {
        await client.query('reset session authorization')
        await client.query(`drop owned by ${login}; drop role ${login}`)
      }
    }),
  )

export const analytics: Measurement<typeof options> = {
  name: 'analytics',
  usage: `  --rows N         events of usage of the tenant that is asked for (5000000)
  --tenants N      tenants (1000)
  --rounds N       rounds of all questions (5)`,
  options,
  defaults: {
    rows: { usual: '5000000', smallest: '2000' },
    tenants: { usual: '1000', smallest: '3' },
    rounds: { usual: '5', smallest: '1' },
  },
  measure: measureParts('analytics', [['questions of an analyst', measureQuestions]]),
}
