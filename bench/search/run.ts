// npm run bench -- search: runs the measurements one after the other and writes the report.

import { mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { UsageError } from '../../server/cli.ts'
import { toBars } from './bars.ts'
import { toSvg } from './chart.ts'
import { makeTexts, readCollection } from './corpus.ts'
import { measureHybrid } from './hybrid.ts'
import { measureIndexing } from './indexing.ts'
import { type CorpusResult, measureCorpus, measureTenants } from './parts.ts'
import { differencesOf, type Report, toMarkdown } from './report.ts'
import { measureRequests } from './requests.ts'
import { dropOnSignal, inspectServer } from './scratch.ts'
import { measureVectors } from './vectors.ts'

const usage = `npm run bench -- search [DIR] [options]
  DIR              a folder with docs.jsonl and queries.jsonl, measured as well
  --sizes N,N      chunks of the made corpora (50000,500000)
  --queries N      queries of each kind (50)
  --tenants N      tenants of 1,000 chunks each, 0 to leave them out (1000)
  --vectors N      vectors of 64 dimensions, 0 to leave them out (200000)
  --hybrid N       chunks to search by words and vectors, 0 to leave them out (100000)
  --url URL        a superuser's login on a PostgreSQL 15 or later with pgvector (DATABASE_URL, TEST_DATABASE_URL)
  --output FOLDER  where search.md, search.json and search.svg go (bench/results)`

/** Three whole blocks of the index. */
const indexedChunks = 48_000

const optionsShape = z.object({
  sizes: z
    .string()
    .transform((value) => value.split(',').map(Number))
    .pipe(z.array(z.number().int().min(2_000).max(10_000_000)).min(1)),
  queries: z.coerce.number().int().min(1).max(10_000),
  tenants: z.coerce
    .number()
    .int()
    .max(100_000)
    .refine((value) => value === 0 || value > 1, 'none or several'),
  // the largest tenant of fewer would not go through the index
  vectors: z.coerce
    .number()
    .int()
    .max(10_000_000)
    .refine((value) => value === 0 || value >= 20_000, 'none or at least 20000'),
  hybrid: z.coerce
    .number()
    .int()
    .max(10_000_000)
    .refine((value) => value === 0 || value >= 2_000, 'none or at least 2000'),
  url: z.url({ protocol: /^postgres(ql)?$/, error: 'no PostgreSQL named: --url, DATABASE_URL or TEST_DATABASE_URL' }),
  output: z.string().min(1),
})

export async function benchSearch(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      sizes: { type: 'string', default: '50000,500000' },
      queries: { type: 'string', default: '50' },
      tenants: { type: 'string', default: '1000' },
      vectors: { type: 'string', default: '200000' },
      hybrid: { type: 'string', default: '100000' },
      url: { type: 'string' },
      output: { type: 'string', default: join(import.meta.dirname, '..', 'results') },
    },
  })
  const parsed = optionsShape.safeParse({
    ...values,
    url: values.url ?? process.env.DATABASE_URL ?? process.env.TEST_DATABASE_URL,
  })
  if (!parsed.success || positionals.length > 1)
    throw new UsageError(`${parsed.error ? `${z.prettifyError(parsed.error)}\n` : ''}Usage: ${usage}`)
  const { sizes, queries, tenants, vectors, hybrid, url, output } = parsed.data

  const server = await inspectServer(url)
  const collection = positionals[0] ? await readCollection(positionals[0]) : undefined
  dropOnSignal()
  const corpora: CorpusResult[] = []
  for (const size of sizes.sort((a, b) => a - b)) {
    console.error(`Made corpus, ${size} chunks`)
    corpora.push(await measureCorpus(url, { name: 'made', texts: makeTexts(), count: size }, queries))
  }
  if (collection) {
    const { name, texts, questions } = collection
    console.error(`Collection ${name}, ${texts.length} chunks`)
    corpora.push(await measureCorpus(url, { name, texts, count: texts.length, questions }, queries))
  }
  const indexed = Math.min(indexedChunks, sizes.at(-1) ?? indexedChunks)
  const report: Report = {
    server,
    cores: availableParallelism(),
    corpora,
    indexing: await part(`Indexing ${indexed} chunks`, () => measureIndexing(url, indexed)),
    ...(tenants > 0 ? { tenants: await part(`${tenants} tenants`, () => measureTenants(url, tenants, queries)) } : {}),
    ...(vectors > 0 ? { vectors: await part(`${vectors} vectors`, () => measureVectors(url, vectors)) } : {}),
    ...(hybrid > 0 ? { hybrid: await part(`Hybrid, ${hybrid} chunks`, () => measureHybrid(url, hybrid)) } : {}),
    requests: await part('Around a search', () => measureRequests(url)),
  }

  const markdown = toMarkdown(report)
  await mkdir(output, { recursive: true })
  await writeFile(join(output, 'search.md'), markdown)
  await writeFile(join(output, 'search.json'), `${JSON.stringify({ ...report, bars: toBars(report) }, null, 2)}\n`)
  await writeFile(join(output, 'search.svg'), toSvg(corpora))
  console.log(markdown)
  const differences = differencesOf(report)
  if (differences.length > 0) throw new Error(`${differences.length} rankings differ:\n${differences.join('\n')}`)
}

function part<T>(title: string, work: () => Promise<T>): Promise<T> {
  console.error(title)
  return work()
}
