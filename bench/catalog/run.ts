// npm run bench -- catalog: a list of agents of one tenant among many, and one very large tenant.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { count, ms, ratio, table } from '../format.ts'
import type { Server } from '../scratch.ts'
import { type LargeResult, measureLarge } from './large.ts'
import { type ListResult, measureList } from './list.ts'

const options = z.object({
  tenants: whole(1, 100_000),
  agents: whole(50, 10_000),
  runs: whole(1, 100_000),
  large: whole(0, 5_000_000),
})

export const catalog: Measurement<typeof options> = {
  name: 'catalog',
  usage: `  --tenants N      tenants (1000)
  --agents N       agents of each (100)
  --runs N         lists measured in each way (500)
  --large N        agents of the very large tenant, 0 to leave it out (300000)`,
  options,
  defaults: {
    tenants: { usual: '1000', smallest: '2' },
    agents: { usual: '100', smallest: '50' },
    runs: { usual: '500', smallest: '1' },
    large: { usual: '300000', smallest: '1000' },
  },
  measure: async ({ url, server, cores, part }, { tenants, agents, runs, large }) => {
    const results: Results = {
      server,
      cores,
      list: await part(`${tenants} tenants of ${agents} agents`, () => measureList(url, tenants, agents, runs)),
      large: large > 0 ? await part(`a tenant of ${large} agents`, () => measureLarge(url, large, runs)) : undefined,
    }
    return { markdown: toMarkdown(results), json: results }
  },
}

type Results = { server: Server; cores: number; list: ListResult; large: LargeResult | undefined }

/** What a very large tenant was promised: lists beside what a superuser's cost, and a search in itself. */
function barsOf({ ways }: LargeResult): { bar: string; measured: string; isMet: boolean }[] {
  const of = (name: string) => ways.find(({ way }) => way === name)
  const times = (name: string): number =>
    (of(`${name}, user`)?.p50 ?? Number.NaN) / (of(`${name}, superuser`)?.p50 ?? Number.NaN)
  const search = of('search, two words')?.p95 ?? Number.NaN
  return [
    { bar: 'first fifty ≤ 5 × superuser', measured: ratio(times('first fifty'), 1), isMet: times('first fifty') <= 5 },
    { bar: 'count ≤ 2 × superuser', measured: ratio(times('count'), 1), isMet: times('count') <= 2 },
    { bar: 'search of two words ≤ 50 ms p95', measured: `${ms(search)} ms`, isMet: search <= 50 },
  ]
}

function toMarkdown({ server, cores, list, large }: Results): string {
  const [walled, bare] = list.ways
  const over95 = (walled?.p95 ?? Number.NaN) / (bare?.p95 ?? Number.NaN)
  const settings = Object.entries(server.settings).map(([name, value]) => `${name} ${value}`)
  const lines = [
    '# The catalogue, measured',
    '',
    `${server.engine}, ${cores} cores; ${settings.join(', ')}. How and what: [README](../README.md).`,
    '',
    '## Fifty agents with tools, tags and rating',
    '',
    `One of ${count(list.tenants)} tenants, ${count(list.agents)} agents in all; ${list.runs} lists in each way, in turn. Bar: p95 through row level security at most 3 times that of the same SQL without. **${over95 <= 3 ? 'Met' : 'Not met'}: ${ratio(walled?.p95 ?? null, bare?.p95 ?? null)}.**`,
    '',
    table(
      ['way', 'p50, ms', 'p95, ms', 'p50 / by hand', 'p95 / by hand'],
      list.ways.map(({ way, p50, p95 }) => [
        way,
        ms(p50),
        ms(p95),
        ratio(p50, bare?.p50 ?? null),
        ratio(p95, bare?.p95 ?? null),
      ]),
    ),
    '',
    'The plan of the first, for one tenant:',
    '',
    '```',
    list.plan,
    '```',
    '',
  ]
  if (large) {
    const often = large.evaluations.every(({ loops }) => loops <= 1)
    lines.push(
      `## A tenant of ${count(large.agents)} agents`,
      '',
      `What a policy asks of the request is evaluated ${often ? 'at most once' : '**more than once**'} a query, whatever the number of rows (0: it was not needed):`,
      '',
      table(
        ['of the request', 'evaluations'],
        large.evaluations.map(({ what, loops }) => [`\`${what}\``, String(loops)]),
      ),
      '',
      `Bars: ${barsOf(large)
        .map(({ bar, measured, isMet }) => `${bar}: **${isMet ? 'met' : 'not met'}, ${measured}**`)
        .join('; ')}.`,
      '',
      table(
        ['query', 'p50, ms', 'p95, ms'],
        large.ways.map(({ way, p50, p95 }) => [way, ms(p50), ms(p95)]),
      ),
      '',
    )
  }
  return lines.join('\n')
}
