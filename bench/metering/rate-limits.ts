// check_rate_limit against the least it could be: one `update … returning` of one row of an unlogged table, by pgbench at
// 8 clients, spread over 100 tenants and on one hot tenant. Alone: node bench/metering/rate-limits.ts URL [rounds] [seconds].

import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { withClient, withScratch } from '../scratch.ts'
import { type Measured, median, type Part } from './part.ts'

const run = promisify(execFile)
const pgbench = process.env.PGBENCH ?? '/usr/lib/postgresql/15/bin/pgbench'
const [clients, threads] = [8, 2]

/** Tenants by ids that pgbench can draw, each with one limit a minute that is never reached. */
const setUp = `
  insert into app_public.tenants (id, slug, name)
  select ('00000000-0000-4000-8000-000000000' || i)::uuid, 't' || i, 't' || i from generate_series(100, 199) i;
  insert into app_public.rate_limit_config (tenant_id, per_minute, source)
  select id, 2000000000, 'plan' from app_public.tenants where slug ~ '^t[0-9]+$';
  create unlogged table public.bare (tenant_id uuid primary key, used bigint not null) with (fillfactor = 50);
  insert into public.bare select id, 0 from app_public.tenants where slug ~ '^t[0-9]+$';
`
const id = `('00000000-0000-4000-8000-000000000' || :id)::uuid`
const bare = `update public.bare set used = used + 1 where tenant_id = ${id} returning used;`
const ours = `select metering.check_rate_limit(${id});`
const spread = '\\set id random(100, 199)\n'
const hot = '\\set id 100\n'
const contenders = {
  'bare, spread': spread + bare,
  'ours, spread': spread + ours,
  'bare, hot': hot + bare,
  'ours, hot': hot + ours,
}
type Contender = keyof typeof contenders

export const measureRateLimits = (serverUrl: string, rounds: number, seconds: number): Promise<Part> =>
  withScratch(serverUrl, (url) => measure(url, rounds, seconds))

async function measure(url: string, rounds: number, seconds: number): Promise<Part> {
  await withClient(url, (client) => client.query(setUp))
  const directory = await mkdtemp(join(tmpdir(), 'rowhouse-bench-'))
  try {
    const measured: Measured[] = []
    for (const mode of ['simple', 'prepared']) {
      const rates: Record<Contender, number[]> = {
        'bare, spread': [],
        'ours, spread': [],
        'bare, hot': [],
        'ours, hot': [],
      }
      // in turn, because a machine that others use is not the same from one moment to the next
      for (let round = 0; round < rounds; round += 1) {
        for (const [name, script] of Object.entries(contenders)) {
          rates[name as Contender].push(await rateOf(url, directory, script, mode, seconds))
        }
      }
      const compare = (one: Contender, other: Contender, bar: number): void => {
        measured.push({
          name: `${one} : ${other} (${mode})`,
          ours: `${median(rates[one]).toFixed(0)}/s`,
          theirs: `${median(rates[other]).toFixed(0)}/s`,
          ratio: median(rates[one].map((rate, i) => rate / (rates[other][i] as number))),
          sign: '≥',
          bar,
        })
      }
      compare('ours, spread', 'bare, spread', 0.5)
      compare('ours, hot', 'ours, spread', 0.8)
      compare('ours, hot', 'bare, hot', 0.5)
    }
    return {
      title: 'check_rate_limit',
      how: `pgbench, ${clients} clients, ${seconds} s each, ${rounds} rounds in turn; a ratio is the median of the rounds' ratios`,
      measured,
    }
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function rateOf(url: string, directory: string, script: string, mode: string, seconds: number): Promise<number> {
  const file = join(directory, 'script.sql')
  await writeFile(file, script)
  const options = ['-n', '-c', `${clients}`, '-j', `${threads}`, '-T', `${seconds}`, '-M', mode, '-f', file]
  const { stdout } = await run(pgbench, [...options, url])
  return Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
}

if (import.meta.main) {
  const [url, rounds = '5', seconds = '2'] = process.argv.slice(2)
  if (!url) throw new Error('Usage: node bench/metering/rate-limits.ts URL [rounds] [seconds]')
  console.log(await measureRateLimits(url, Number(rounds), Number(seconds)))
}
