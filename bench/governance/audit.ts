// The audit: an update that is recorded over the same one that is not, on the widest table of the catalogue; sealing; verifying
// in the database and from an export. The two kinds of update take turns, and a ratio is the median of the rounds' ratios.

import type pg from 'pg'
import { exported, sealSettled, signHeads } from '../../server/audit/sealing.ts'
import { createSigner } from '../../server/audit/signing.ts'
import { verifyExport } from '../../server/audit/verify.ts'
import type { Ask } from '../../server/exports.ts'
import { count, figure } from '../format.ts'
import { type Measured, median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { timed } from '../timing.ts'

const mostSingleUpdates = 300

type Times = { recorded: number[]; bare: number[] }

export async function measureAudit(url: string, rounds: number, agents: number, entries: number): Promise<Part> {
  return withScratch(url, (scratch) =>
    withClient(scratch, async (client) => {
      const ask: Ask = async (text, values) => (await client.query(text, values)).rows as never
      const tenantId = await createAgents(client, agents)
      const single = await alternate(client, rounds, () => updateOneByOne(client, Math.min(agents, mostSingleUpdates)))
      const bulk = await alternate(client, Math.min(rounds, 9), () => updateAll(client))
      const sealedASecond = await measureSealing(client, ask, tenantId, entries)
      const verifying = await measureVerifying(ask, tenantId)
      const against = (name: string, { recorded, bare }: Times, bar: number): Measured => ({
        name,
        ours: `${figure(median(recorded))} ms`,
        theirs: `${figure(median(bare))} ms`,
        ratio: median(recorded.map((time, i) => time / (bare[i] ?? Number.NaN))),
        sign: '≤',
        bar,
      })
      const alone = (name: string, value: number, sign: '≤' | '≥', bar: number): Measured => ({
        name,
        ours: figure(value),
        theirs: String(bar),
        ratio: value / bar,
        sign,
        bar: 1,
      })
      return {
        title: 'Audit',
        how: `Updates of agents with and without their recorders, in turn; then ${count(entries)} entries are sealed in batches, and all are verified, in the database and from an export with its signatures, which took ${figure(verifying.megabytes)} MB above what the process began with. The last three stand beside what is asked for.`,
        measured: [
          against('update of one row, recorded : not', single, 1.3),
          against(`update of ${count(agents)} rows in one statement, recorded : not`, bulk, 1.8),
          alone('entries sealed a second', sealedASecond, '≥', 5000),
          alone(
            `seconds to verify ${count(verifying.entries)} entries, in the database`,
            verifying.inDatabase,
            '≤',
            60,
          ),
          alone('seconds to verify them from an export', verifying.fromExport, '≤', 60),
        ],
      }
    }),
  )
}

async function createAgents(client: pg.Client, agents: number): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    `select (tenancy.provision_tenant('bench', 'Bench', 'owner@bench.test')).id`,
  )
  const tenantId = rows[0]?.id ?? ''
  await client.query(`select set_config('rowhouse.tenant_id', $1, false)`, [tenantId])
  await client.query(
    `insert into app_public.agents (tenant_id, name, display_name, system_prompt)
     select $1, 'agent-' || n, 'Agent ' || n, repeat('You help. ', 50) from generate_series(1, $2::int) n`,
    [tenantId, agents],
  )
  await client.query('select audit.create_partitions()')
  await client.query('analyze')
  return tenantId
}

/** The recorder is taken off and put back between the turns; the first of each round takes turns, too. */
async function alternate(client: pg.Client, rounds: number, work: () => Promise<void>): Promise<Times> {
  const times: Times = { recorded: [], bare: [] }
  await work()
  for (let round = 0; round < rounds; round++) {
    const turns = ['recorded', 'bare'] as const
    for (const turn of round % 2 ? turns : [...turns].reverse()) {
      const state = turn === 'bare' ? 'disable' : 'enable always'
      await client.query(`alter table app_public.agents ${state} trigger _900_record_update`)
      times[turn].push(await timed(work))
    }
  }
  await client.query('alter table app_public.agents enable always trigger _900_record_update')
  return times
}

let turn = 0

async function updateOneByOne(client: pg.Client, count: number): Promise<void> {
  turn += 1
  for (let i = 1; i <= count; i++) {
    await client.query({
      name: 'update one',
      text: 'update app_public.agents set display_name = $2 where tenant_id = core.current_tenant_id() and name = $1',
      values: [`agent-${i}`, `Agent ${i}, ${turn}`],
    })
  }
}

async function updateAll(client: pg.Client): Promise<void> {
  turn += 1
  await client.query('update app_public.agents set display_name = $1 where tenant_id = core.current_tenant_id()', [
    `All, ${turn}`,
  ])
}

/** What is settled is told by the second of two calls. */
async function sealAll(ask: Ask): Promise<number> {
  const sealed = (await sealSettled(ask)) + (await sealSettled(ask))
  await signHeads(ask, createSigner('01'.repeat(32)))
  return sealed
}

async function measureSealing(client: pg.Client, ask: Ask, tenantId: string, entries: number): Promise<number> {
  await sealAll(ask)
  for (let left = entries; left > 0; left -= 100_000) {
    await client.query(
      `insert into audit.ledger (tenant_id, kind, operation, table_name, row_key, changes, actor, actor_name, actor_role)
       select $1, 'data', 'update', 'app_public.agents', gen_random_uuid(), '{"display_name": ["Agent one", "Agent two"]}', 'user', 'x', 'rowhouse_user'
         from generate_series(1, $2::int)`,
      [tenantId, Math.min(left, 100_000)],
    )
  }
  let sealed = 0
  const elapsed = await timed(async () => {
    sealed = await sealAll(ask)
  })
  return (1000 * sealed) / elapsed
}

async function measureVerifying(ask: Ask, tenantId: string) {
  let findings = 0
  const inDatabase = await timed(async () => {
    findings = (await ask('select * from audit.verify($1)', [tenantId])).length
  })
  const before = process.memoryUsage().rss
  let verdict = { entries: 0, findings: [] as unknown[] }
  const fromExport = await timed(async () => {
    verdict = await verifyExport(exported(ask, tenantId))
  })
  if (findings + verdict.findings.length > 0) throw new Error('The audit does not verify.')
  return {
    entries: verdict.entries,
    inDatabase: inDatabase / 1000,
    fromExport: fromExport / 1000,
    megabytes: Math.max(0, process.memoryUsage().rss - before) / 1e6,
  }
}
