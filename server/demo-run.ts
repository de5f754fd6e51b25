// A run of the platform's workflow "510(k) Submission Preparation" in a demo tenant, from its start to its end, with the built-in
// echo model. Nothing is called: the demo tenant lists no hosts, so the step that looks up predicates is refused, and the
// workflow goes on without them, as it would when the service is away.

import type { JobHelpers } from 'graphile-worker'
import type pg from 'pg'
import { type Actor, asUser } from './database.ts'
import { modelOutgoing } from './models/index.ts'
import { createOutgoing } from './outgoing.ts'
import { createStepRunner } from './steps/index.ts'

export const demoWorkflow = '510k-submission-preparation'
const input = {
  device_name: 'Infusion pump X1',
  indication: 'Delivery of fluids and medicines to adults in hospitals.',
  material: 'A volumetric pump with one channel, a drug library and a wireless link.',
}

/** `starter` begins it, `decider` signs it off. */
export async function seedDemoRun(pool: pg.Pool, starter: Actor, decider: Actor): Promise<void> {
  const runId = await asUser(pool, starter, async (client) => {
    await client.query(
      `insert into app_public.model_configurations (name, description, model_id, is_default)
       select 'Echo', 'Knows nothing. Make another configuration the default to have agents answer.', m.id, true
         from app_public.llm_models m where m.name = 'echo'`,
    )
    const { rows } = await client.query<{ id: string }>(
      `select r.id from catalog.visible_workflows() w, app_public.start_workflow_run(w.id, $2) r where w.name = $1`,
      [demoWorkflow, JSON.stringify(input)],
    )
    return rows[0]?.id as string
  })
  await workSteps(pool)
  await asUser(pool, decider, (client) =>
    client.query(
      `select app_public.decide_approval(a.id, 'approved', 'This is a demo.')
         from app_public.agent_approvals a
         join app_public.workflow_step_runs s on s.approval_id = a.id
        where s.run_id = $1 and a.status = 'pending'`,
      [runId],
    ),
  )
  await asWorker(pool)((client) => client.query('select runtime.wake_workflow_run()'))
  await workSteps(pool)
}

export const asWorker = (pool: pg.Pool): JobHelpers['withPgClient'] =>
  ((work: (client: pg.PoolClient) => Promise<unknown>) =>
    asUser(pool, { role: 'rowhouse_worker', user_id: '', tenant_id: '' }, work)) as JobHelpers['withPgClient']

async function workSteps(pool: pg.Pool): Promise<void> {
  const [tools, models] = [createOutgoing(), modelOutgoing()]
  const never = new AbortController().signal
  try {
    await createStepRunner({ keyRing: undefined, tools, models, stopping: never }).work(asWorker(pool), never)
  } finally {
    await Promise.all([tools.close(), models.close()])
  }
}
