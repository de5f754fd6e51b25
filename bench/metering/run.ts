// npm run bench -- metering: runs the parts one after the other, each in a database of its own, and writes the report.

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { UsageError } from '../../server/cli.ts'
import { dropOnSignal, inspectServer, withScratch } from '../search/scratch.ts'
import { measureBulk } from './bulk.ts'
import type { Part } from './part.ts'
import { measureRateLimits } from './rate-limits.ts'
import { toMarkdown } from './report.ts'
import { measureRollUps } from './rollups.ts'

const usage = `npm run bench -- metering [options]
  --rounds N       repetitions of each measurement (9)
  --history N,N    events behind a run of the roll-ups (1000000,10000000)
  --url URL        a superuser's login on a PostgreSQL 15 or later with pgvector (DATABASE_URL, TEST_DATABASE_URL)
  --output FOLDER  where metering.md and metering.json go (bench/results)`

const optionsShape = z.object({
  rounds: z.coerce.number().int().min(1).max(1000),
  history: z
    .string()
    .transform((value) => value.split(',').map(Number))
    .pipe(z.array(z.number().int().min(1_000).max(100_000_000)).min(1)),
  url: z.url({ protocol: /^postgres(ql)?$/, error: 'no PostgreSQL named: --url, DATABASE_URL or TEST_DATABASE_URL' }),
  output: z.string().min(1),
})

type Options = z.infer<typeof optionsShape>

/** New parts are listed here. Each makes its databases on this server (withScratch), migrated and dropped afterwards. */
const parts: ((options: Options) => Promise<Part>)[] = [
  ({ url, rounds }) => measureBulk(url, rounds),
  ({ url, rounds, history }) => measureRollUps(url, history, rounds),
  ({ url, rounds }) => withScratch(url, (scratch) => measureRateLimits(scratch, rounds)),
]

export async function benchMetering(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '9' },
      history: { type: 'string', default: '1000000,10000000' },
      url: { type: 'string' },
      output: { type: 'string', default: join(import.meta.dirname, '..', 'results') },
    },
  })
  const parsed = optionsShape.safeParse({
    ...values,
    url: values.url ?? process.env.DATABASE_URL ?? process.env.TEST_DATABASE_URL,
  })
  if (!parsed.success || positionals.length > 0)
    throw new UsageError(`${parsed.error ? `${z.prettifyError(parsed.error)}\n` : ''}Usage: ${usage}`)
  const options = { ...parsed.data, history: parsed.data.history.sort((a, b) => a - b) }

  const server = await inspectServer(options.url)
  dropOnSignal()
  const done: Part[] = []
  for (const measure of parts) {
    const part = await measure(options)
    console.error(part.title)
    done.push(part)
  }
  const report = { server, cores: availableParallelism(), parts: done }
  const markdown = toMarkdown(report)
  await mkdir(options.output, { recursive: true })
  await writeFile(join(options.output, 'metering.md'), markdown)
  await writeFile(join(options.output, 'metering.json'), `${JSON.stringify(report, null, 2)}\n`)
  console.log(markdown)
}
