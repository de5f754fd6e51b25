// npm run bench -- catalog: a list of agents of one tenant among many, and one very large tenant; writes the report.

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { UsageError } from '../../server/cli.ts'
import { count, ms, ratio, table } from '../search/format.ts'
import { dropOnSignal, inspectServer, type Server } from '../search/scratch.ts'
import { type LargeResult, measureLarge } from './large.ts'
import { type ListResult, measureList } from './list.ts'

const usage = `npm run bench -- catalog [options]
  --tenants N      tenants (1000)
  --agents N       agents of each (100)
  --runs N         lists measured in each way (500)
  --large N        agents of the very large tenant, 0 to leave it out (300000)
  --url URL        a superuser's login on a PostgreSQL 15 or later with pgvector (DATABASE_URL, TEST_DATABASE_URL)
  --output FOLDER  where catalog.md and catalog.json go (bench/results)`

const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)
const optionsShape = z.object({
  tenants: whole(1, 100_000),
  agents: whole(50, 10_000),
  runs: whole(1, 100_000),
  large: whole(0, 5_000_000),
  url: z.url({ protocol: /^postgres(ql)?$/, error: 'no PostgreSQL named: --url, DATABASE_URL or TEST_DATABASE_URL' }),
  output: z.string().min(1),
})

export async function benchCatalog(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      tenants: { type: 'string', default: '1000' },
      agents: { type: 'string', default: '100' },
      runs: { type: 'string', default: '500' },
      large: { type: 'string', default: '300000' },
      url: { type: 'string' },
      output: { type: 'string', default: join(import.meta.dirname, '..', 'results') },
    },
  })
  const parsed = optionsShape.safeParse({
    ...values,
    url: values.url ?? process.env.DATABASE_URL ?? process.env.TEST_DATABASE_URL,
  })
  if (!parsed.success) throw new UsageError(`${z.prettifyError(parsed.error)}\nUsage: ${usage}`)
  const { tenants, agents, runs, large, url, output } = parsed.data

  const server = await inspectServer(url)
  dropOnSignal()
  console.error(`${tenants} tenants of ${agents} agents`)
  const list = await measureList(url, tenants, agents, runs)
  if (large > 0) console.error(`A tenant of ${large} agents`)
  const report = {
    server,
    cores: availableParallelism(),
    list,
    large: large > 0 ? await measureLarge(url, large) : undefined,
  }
  await mkdir(output, { recursive: true })
  await writeFile(join(output, 'catalog.md'), toMarkdown(report))
  await writeFile(join(output, 'catalog.json'), `${JSON.stringify(report, null, 2)}\n`)
  console.log(toMarkdown(report))
}

type Report = { server: Server; cores: number; list: ListResult; large: LargeResult | undefined }

function toMarkdown({ server, cores, list, large }: Report): string {
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
      table(
        ['query', 'p50, ms', 'p95, ms'],
        large.ways.map(({ way, p50, p95 }) => [way, ms(p50), ms(p95)]),
      ),
      '',
    )
  }
  return lines.join('\n')
}
