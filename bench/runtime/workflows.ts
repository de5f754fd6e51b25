// A workflow of ten steps in a row: what the interpreter adds to each step, from the claim to the commit that made the next one
// ready. The worker answers at once, so all the time is ours.

import type pg from 'pg'
import { figure } from '../format.ts'
import { median, type Part } from '../metering/part.ts'
import { withClient, withScratch } from '../scratch.ts'
import { percentile, timed } from '../timing.ts'

const stepsOfWorkflow = 10
const msPerStep = 15

export async function measureWorkflows(url: string, rounds: number): Promise<Part> {
  return withScratch(url, (scratch) =>
    withClient(scratch, async (client) => {
      const start = await createWorkflow(client)
      const steps: number[] = []
      const starts: number[] = []
      // the first run warms up
      for (let round = 0; round <= rounds; round++) {
        const started = await timed(start)
        const times = await workOff(client)
        if (round === 0) continue
        starts.push(started)
        steps.push(...times)
      }
      return {
        title: 'Workflows',
        how: `${rounds} runs of ${stepsOfWorkflow} steps in a row, by one worker that answers at once: claim and completion are a transaction each. The p95 is ${figure(percentile(steps, 0.95) ?? Number.NaN)} ms, and to start a run takes ${figure(median(starts))} ms.`,
        measured: [
          {
            name: 'ms a step, p50',
            ours: figure(median(steps)),
            theirs: String(msPerStep),
            ratio: median(steps) / msPerStep,
            sign: '≤',
            bar: 1,
          },
        ],
      }
    }),
  )
}

/** Returns what starts a run. */
async function createWorkflow(client: pg.Client): Promise<() => Promise<void>> {
  await client.query(`select tenancy.provision_tenant('bench', 'Bench', 'owner@bench.test')`)
  const { rows } = await client.query<{ tenant_id: string; user_id: string }>(
    `select m.tenant_id, m.user_id from app_public.user_tenants m join app_public.tenants t on t.id = m.tenant_id where t.slug = 'bench'`,
  )
  const asOwner = async () => {
    await client.query(
      `select set_config('rowhouse.tenant_id', $1, false), set_config('rowhouse.user_id', $2, false)`,
      [rows[0]?.tenant_id, rows[0]?.user_id],
    )
  }
  const ids = Array.from({ length: stepsOfWorkflow }, (_, i) => `s${i}`)
  const definition = {
    nodes: ids.map((id) => ({ id, type: 'search', input: { query: '$.input.query' } })),
    edges: ids.slice(1).map((id, i) => ({ from: ids[i], to: id })),
  }
  await asOwner()
  const created = await client.query<{ id: string }>(
    `insert into app_public.workflows (tenant_id, name, workflow_definition) values (core.current_tenant_id(), 'ten', $1) returning id`,
    [JSON.stringify(definition)],
  )
  await client.query('select app_public.publish_workflow($1)', [created.rows[0]?.id])
  await client.query('analyze')
  return async () => {
    await asOwner()
    await client.query(`select app_public.start_workflow_run($1, '{"query": "valves"}')`, [created.rows[0]?.id])
  }
}

async function workOff(client: pg.Client): Promise<number[]> {
  const times: number[] = []
  for (let step = 0; step < stepsOfWorkflow; step++) {
    times.push(
      await timed(async () => {
        const { rows } = await client.query<{ tenant_id: string; step_run_id: string; lease_token: string }>(
          `select * from runtime.claim_workflow_step('bench')`,
        )
        const [claimed] = rows
        if (!claimed) throw new Error('No step is ready.')
        await client.query(`select runtime.complete_workflow_step($1, $2, $3, '{"hits": []}')`, [
          claimed.tenant_id,
          claimed.step_run_id,
          claimed.lease_token,
        ])
      }),
    )
  }
  return times
}
