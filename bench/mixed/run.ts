// npm run bench -- mixed: two quiet tenants, alone and beside a third that floods the server, in turn.

import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { count, figure, ms, ratio, table } from '../format.ts'
import { type Server, withScratch } from '../scratch.ts'
import { type Percentiles, percentile, percentilesOf } from '../timing.ts'
import { type Asked, askAs, loudCrowd, nothingAsked, quietCrowd } from './clients.ts'
import { type Memory, type Programs, withPrograms } from './programs.ts'
import { createTenants, type Tenant, untilProcessed } from './tenants.ts'

const options = z.object({
  seconds: whole(4, 86_400),
  phase: whole(1, 3_600),
  clients: whole(1, 1_000),
  agents: whole(1, 100_000),
})
type Options = z.infer<typeof options>

const seed = 20_261_128
const memoryMs = 1_000
const mebibyte = 1024 * 1024
/** The quiet tenants' p99 beside the flood over theirs alone. */
const p99Bar = 2
/** Of the last flooded phases' memory over that of the first ones after a warm-up. */
const memoryBar = 1.1

type Quiet = Percentiles & { p99: number | null; answers: number; notOk: number }
type Phase = { isFlooded: boolean; quiet: Quiet; memory: Memory; loudAnswers: number }
type Results = {
  server: Server
  cores: number
  phases: Phase[]
  alone: Quiet
  flooded: Quiet
  loud: Record<string, number>
  foreign: number
}

export const mixed: Measurement<typeof options> = {
  name: 'mixed',
  usage: `  --seconds N      how long it takes, phases of both kinds together (600)
  --phase N        seconds of a phase (30)
  --clients N      clients of the tenant that floods (64)
  --agents N       agents of each tenant (1000)`,
  options,
  defaults: {
    seconds: { usual: '600', smallest: '4' },
    phase: { usual: '30', smallest: '1' },
    clients: { usual: '64', smallest: '4' },
    agents: { usual: '1000', smallest: '50' },
  },
  measure: async ({ url, server, cores, part }, chosen) => {
    const results = await part(`two quiet tenants and ${chosen.clients} clients of a third`, () =>
      withScratch(url, (databaseUrl) =>
        withPrograms(databaseUrl, (programs) => measure(databaseUrl, programs, chosen)),
      ),
    )
    const report = { server, cores, ...results }
    const fault = results.foreign > 0 ? `${results.foreign} answers had rows of another tenant.` : undefined
    return { markdown: toMarkdown(report, chosen), json: report, ...(fault ? { fault } : {}) }
  },
}

async function measure(
  databaseUrl: string,
  programs: Programs,
  { seconds, phase, clients, agents }: Options,
): Promise<Omit<Results, 'server' | 'cores'>> {
  const tenants = await createTenants(databaseUrl, agents)
  await untilProcessed(databaseUrl)
  const loud = nothingAsked()
  const quiet = { alone: nothingAsked(), flooded: nothingAsked() }
  const phases: Phase[] = []
  // what runs for the first time is slower
  await inPhase(programs, tenants, clients, phase * 1_000, 0, nothingAsked(), nothingAsked())
  for (let number = 1; number <= Math.max(2, Math.floor(seconds / phase)); number += 1) {
    const isFlooded = number % 2 === 0
    const asked = nothingAsked()
    const flood = nothingAsked()
    const memory = await inPhase(programs, tenants, isFlooded ? clients : 0, phase * 1_000, number, asked, flood)
    phases.push({ isFlooded, quiet: summary(asked), memory, loudAnswers: flood.times.length })
    merge(isFlooded ? quiet.flooded : quiet.alone, asked)
    merge(loud, flood)
  }
  return {
    phases,
    alone: summary(quiet.alone),
    flooded: summary(quiet.flooded),
    loud: Object.fromEntries(loud.outcomes),
    foreign: quiet.alone.foreign + quiet.flooded.foreign + loud.foreign,
  }
}

/** The median of the memory while the tenants ask for so long. */
async function inPhase(
  programs: Programs,
  [one, two, third]: Tenant[],
  clients: number,
  lengthMs: number,
  number: number,
  quiet: Asked,
  loud: Asked,
): Promise<Memory> {
  const over = AbortSignal.timeout(lengthMs)
  const samples: Memory[] = []
  const watch = async (): Promise<void> => {
    while (!over.aborted) {
      samples.push(await programs.memory())
      await sleep(memoryMs)
    }
  }
  const base = seed + number * 10_000
  await Promise.all([
    watch(),
    askAs(programs, one as Tenant, quietCrowd, base, over, quiet),
    askAs(programs, two as Tenant, quietCrowd, base + 1_000, over, quiet),
    askAs(programs, third as Tenant, loudCrowd(clients), base + 2_000, over, loud),
  ])
  const median = (values: number[]): number => percentile(values, 0.5) ?? Number.NaN
  return {
    server: median(samples.map((sample) => sample.server)),
    worker: median(samples.map((sample) => sample.worker)),
  }
}

function merge(into: Asked, { times, outcomes, foreign }: Asked): void {
  for (const time of times) into.times.push(time)
  for (const [outcome, number] of outcomes) into.outcomes.set(outcome, (into.outcomes.get(outcome) ?? 0) + number)
  into.foreign += foreign
}

const summary = ({ times, outcomes }: Asked): Quiet => ({
  ...percentilesOf(times),
  p99: percentile(times, 0.99),
  answers: times.length,
  notOk: times.length - (outcomes.get('ok') ?? 0),
})

/** How much more memory the last third of the phases of a kind took than the second third; the first one warms up. */
function growth(phases: Phase[], program: keyof Memory): number {
  const values = phases.filter(({ isFlooded }) => isFlooded).map(({ memory }) => memory[program])
  const third = Math.max(1, Math.floor(values.length / 3))
  const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length
  return mean(values.slice(-third)) / mean(values.slice(-2 * third).slice(0, third))
}

function toMarkdown(
  { server, cores, phases, alone, flooded, loud, foreign }: Results,
  { seconds, phase, clients, agents }: Options,
): string {
  const share = (flooded.p99 ?? Number.NaN) / (alone.p99 ?? Number.NaN)
  const grown = { server: growth(phases, 'server'), worker: growth(phases, 'worker') }
  const met = (isMet: boolean): string => (isMet ? 'yes' : 'no')
  const row = (name: string, { p50, p95, p99, answers, notOk }: Quiet): string[] => [
    name,
    ms(p50),
    ms(p95),
    ms(p99),
    count(answers),
    count(notOk),
  ]
  const memory = (bytes: number): string => figure(bytes / mebibyte)
  return [
    '# Mixed load, measured',
    `${server.engine}, ${cores} cores, which server, worker, database and all clients share. Written by \`npm run bench -- mixed\`: ${seconds} s in phases of ${phase} s, two quiet tenants of ${agents} agents with two clients each, alone and beside ${clients} clients of a third, in turn.`,
    table(
      ['what', 'measured', 'bar', 'met'],
      [
        ['answers with a row of another tenant', String(foreign), '0', met(foreign === 0)],
        ['p99 of the quiet tenants, flooded over alone', figure(share), `≤ ${p99Bar}`, met(share <= p99Bar)],
        [
          'memory of the server, last third over the third before',
          figure(grown.server),
          `≤ ${memoryBar}`,
          met(grown.server <= memoryBar),
        ],
        [
          'memory of the worker, last third over the third before',
          figure(grown.worker),
          `≤ ${memoryBar}`,
          met(grown.worker <= memoryBar),
        ],
      ],
    ),
    '## The quiet tenants',
    table(
      ['', 'p50, ms', 'p95, ms', 'p99, ms', 'answers', 'not ok'],
      [
        row('alone', alone),
        row('beside the flood', flooded),
        ['ratio', ratio(flooded.p50, alone.p50), ratio(flooded.p95, alone.p95), ratio(flooded.p99, alone.p99), '', ''],
      ],
    ),
    '## The phases',
    table(
      ['phase', 'p50, ms', 'p99, ms', 'answers to the flood', 'server, MB', 'worker, MB'],
      phases.map(({ isFlooded, quiet, memory: { server: ofServer, worker: ofWorker }, loudAnswers }) => [
        isFlooded ? 'flooded' : 'alone',
        ms(quiet.p50),
        ms(quiet.p99),
        count(loudAnswers),
        memory(ofServer),
        memory(ofWorker),
      ]),
    ),
    '## The flood',
    table(
      ['answer', 'times'],
      Object.entries(loud).map(([outcome, times]) => [outcome, count(times)]),
    ),
    '',
  ].join('\n\n')
}
