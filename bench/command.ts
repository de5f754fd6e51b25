// What all measurements share: their options, a server to measure on, progress, and where the reports go. With --smoke a
// measurement runs every part once at its smallest sizes, prints a line a part and keeps no report: it shows that the
// code still works, not how fast it is.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { z } from 'zod'
import { UsageError } from '../server/cli.ts'
import { silenceProgress } from './progress.ts'
import { dropOnSignal, inspectServer, type Server, withTemplate } from './scratch.ts'

/** The whole numbers an option takes. */
export const whole = (least: number, most: number) => z.coerce.number().int().min(least).max(most)

/** Comma-separated whole numbers, in order. */
export const wholes = (least: number, most: number) =>
  z
    .string()
    .transform((value) =>
      value
        .split(',')
        .map(Number)
        .sort((a, b) => a - b),
    )
    .pipe(z.array(z.number().int().min(least).max(most)).min(1))

export type Run = {
  url: string
  server: Server
  cores: number
  /** Runs a part and says on stderr which it is and how long it took. */
  part: <T>(title: string, work: () => Promise<T>) => Promise<T>
}

export type Report = {
  /** Goes to NAME.md and to stdout. */
  markdown: string
  /** Goes to NAME.json. */
  json: unknown
  svg?: string
  /** Why the command fails although everything was measured. */
  fault?: string
}

export type Measurement<Options extends z.ZodObject = z.ZodObject> = {
  name: string
  /** A line for each option of its own. */
  usage: string
  options: Options
  /** Of each option, what it is by itself and what it is with --smoke. */
  defaults: Record<keyof z.input<Options>, { usual: string; smallest: string }>
  /** Whether it takes a folder too. */
  takesFolder?: boolean
  measure: (run: Run, options: z.output<Options>, folder: string | undefined) => Promise<Report>
}

/** So that measurements of different options can stand in one list. */
// biome-ignore lint/suspicious/noExplicitAny: each measurement checks its own options
export type AnyMeasurement = Measurement<any>

const common = z.object({
  smoke: z.boolean(),
  url: z.url({ protocol: /^postgres(ql)?$/, error: 'no PostgreSQL named: --url, DATABASE_URL or TEST_DATABASE_URL' }),
  output: z.string().min(1),
})

const results = join(import.meta.dirname, 'results')

function usageOf({ name, usage, takesFolder }: AnyMeasurement): string {
  return `Usage: npm run bench -- ${name}${takesFolder ? ' [DIR]' : ''} [options]
${usage}
  --smoke          every part once at its smallest sizes; no report is kept
  --url URL        a superuser's login on a PostgreSQL 15 or later with pgvector (DATABASE_URL, TEST_DATABASE_URL)
  --output FOLDER  where the report goes (bench/results)`
}

export async function runMeasurement(measurement: AnyMeasurement, args: string[]): Promise<void> {
  const { common: shared, own, folder } = readOptions(measurement, args)
  const server = await inspectServer(shared.url)
  dropOnSignal()
  if (shared.smoke) silenceProgress()
  const run: Run = {
    url: shared.url,
    server,
    cores: availableParallelism(),
    part: (title, work) => timedPart(`${measurement.name}: ${title}`, work),
  }
  const report = await withTemplate(shared.url, () => measurement.measure(run, own, folder))
  if (shared.smoke) {
    await inTemporaryFolder((output) => write(measurement.name, report, output))
  } else {
    await write(measurement.name, report, shared.output)
    console.log(report.markdown)
  }
  const fault = report.fault ?? (shared.smoke ? gapIn(report.markdown) : undefined)
  if (fault) throw new Error(fault)
}

function readOptions(measurement: AnyMeasurement, args: string[]) {
  const names = Object.keys(measurement.defaults)
  const options: ParseArgsOptionsConfig = {
    smoke: { type: 'boolean', default: false },
    url: { type: 'string' },
    output: { type: 'string', default: results },
    ...Object.fromEntries(names.map((name) => [name, { type: 'string' }])),
  }
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options })
  const given: Record<string, unknown> = {
    ...values,
    url: values.url ?? process.env.DATABASE_URL ?? process.env.TEST_DATABASE_URL,
  }
  for (const [name, { usual, smallest }] of Object.entries(measurement.defaults))
    given[name] ??= values.smoke ? smallest : usual
  const shared = common.safeParse(given)
  const own = measurement.options.safeParse(given)
  if (!shared.success || !own.success || positionals.length > (measurement.takesFolder ? 1 : 0)) {
    const faults = [shared.error, own.error].filter((error) => error !== undefined)
    throw new UsageError([...faults.map(z.prettifyError), usageOf(measurement)].join('\n'))
  }
  return { common: shared.data, own: own.data, folder: positionals[0] }
}

/** A figure that is none: something that the report shows is no longer measured. */
function gapIn(markdown: string): string | undefined {
  const line = markdown.split('\n').find((text) => /\b(NaN|undefined|Infinity)\b/.test(text))
  return line === undefined ? undefined : `The report has a gap: ${line}`
}

async function timedPart<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work()
  console.error(`${title}, ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return result
}

async function write(name: string, { markdown, json, svg }: Report, output: string): Promise<void> {
  await mkdir(output, { recursive: true })
  await writeFile(join(output, `${name}.md`), markdown)
  await writeFile(join(output, `${name}.json`), `${JSON.stringify(json, null, 2)}\n`)
  if (svg) await writeFile(join(output, `${name}.svg`), svg)
}

async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'rowhouse-bench-'))
  try {
    await work(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}
