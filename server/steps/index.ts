// Runs the steps of workflows that call out: claims them, holds their leases while they run, and reports how they ended. What a
// step may do, when it is tried again and what follows it is decided by sql/13_runtime.

import { hostname } from 'node:os'
import type { Outgoing } from '../outgoing.ts'
import type { KeyRing } from '../secrets.ts'
import { createSideBySide, type SideBySide, type WithPgClient } from '../worker/side-by-side.ts'
import { runModelStep } from './model-step.ts'
import { refusalOf, StepError } from './step-error.ts'
import { callTool } from './tool-call.ts'
import { type ClaimedStep, claimedStepShape, type Spent, type StepContext } from './types.ts'

export type StepRunnerOptions = {
  keyRing: KeyRing | undefined
  tools: Outgoing
  models: Outgoing
  /** Aborted when the worker stops: steps are given back. */
  stopping: AbortSignal
  leaseMs?: number
}

const mostAtOnce = 50
const defaultLeaseMs = 60_000

export function createStepRunner({ leaseMs = defaultLeaseMs, ...options }: StepRunnerOptions): SideBySide {
  const worker = `${hostname()}/${process.pid}`
  const lease = `${leaseMs} milliseconds`

  async function claim(withPgClient: WithPgClient, room: number): Promise<ClaimedStep[]> {
    const claimed: ClaimedStep[] = []
    while (claimed.length < room) {
      const { rows } = await withPgClient((client) =>
        client.query('select * from runtime.claim_workflow_step($1, $2) where step_run_id is not null', [
          worker,
          lease,
        ]),
      )
      if (rows.length === 0) break
      claimed.push(claimedStepShape.parse(rows[0]))
    }
    return claimed
  }

  return createSideBySide({
    ...{ mostAtOnce, claim },
    run: (withPgClient, step) => runLeased(withPgClient, step, { ...options, leaseMs }),
  })
}

/** A step whose lease was lost is somebody else's: nothing more is said of it. */
async function runLeased(
  withPgClient: WithPgClient,
  step: ClaimedStep,
  { leaseMs, stopping, ...means }: StepRunnerOptions & { leaseMs: number },
): Promise<void> {
  const lost = new AbortController()
  const key = [step.tenant_id, step.step_run_id, step.lease_token]
  const spent: Spent = { tokens: 0, costs: [] }
  const beat = async (): Promise<void> => {
    const { rows } = await withPgClient((client) =>
      client.query<{ held: boolean }>('select runtime.heartbeat_workflow_step($1, $2, $3, $4) as held', [
        ...key,
        `${leaseMs} milliseconds`,
      ]),
    )
    if (!rows[0]?.held) lost.abort()
  }
  // a heartbeat that cannot be sent is sent again; when none can, the lease ends
  const beating = setInterval(() => void beat().catch(() => {}), leaseMs / 3)
  try {
    const signal = AbortSignal.any([lost.signal, stopping])
    const recordCall = (call: object): Promise<string> => recordModelCall(withPgClient, step, call)
    const result = await runStep({ ...means, step, withPgClient, signal, spent, recordCall }).then(
      (output) => ({ output }),
      (error: unknown) => (signal.aborted ? 'given back' : refusalOf(error)),
    )
    if (lost.signal.aborted) return
    await report(withPgClient, step, result, spent)
  } finally {
    clearInterval(beating)
  }
}

async function recordModelCall(
  withPgClient: WithPgClient,
  { tenant_id, config }: ClaimedStep,
  call: object,
): Promise<string> {
  const { rows } = await withPgClient((client) =>
    client.query<{ cost: string }>('select runtime.record_model_call($1, $2, $3)::text as cost', [
      ...[tenant_id, config.agent_id ?? null],
      JSON.stringify(call),
    ]),
  )
  return rows[0]?.cost ?? '0'
}

async function report(
  withPgClient: WithPgClient,
  { tenant_id, step_run_id, lease_token }: ClaimedStep,
  result: { output: unknown } | StepError | 'given back',
  { tokens, costs }: Spent,
): Promise<void> {
  const key = [tenant_id, step_run_id, lease_token]
  const sum = 'select coalesce(sum(c), 0) from unnest'
  try {
    await withPgClient((client) => {
      if (result === 'given back') return client.query('select runtime.release_workflow_step($1, $2, $3)', key)
      if (result instanceof StepError)
        return client.query(
          `select runtime.fail_workflow_step($1, $2, $3, $4, $5, $6, $7, (${sum}($8::numeric[]) c))`,
          [...[...key, result.message.slice(0, 2_000), result.code, result.isPassing], ...[tokens, costs]],
        )
      return client.query(`select runtime.complete_workflow_step($1, $2, $3, $4, $5, (${sum}($6::numeric[]) c))`, [
        ...[...key, JSON.stringify(result.output ?? null), tokens, costs],
      ])
    })
  } catch (error) {
    // the lease ended while this was on its way: the step is run again, by the same idempotency key
    if ((error as { code?: string }).code !== 'RN555') throw error
  }
}

async function runStep(context: StepContext): Promise<unknown> {
  switch (context.step.kind) {
    case 'agent':
    case 'prompt':
      return runModelStep(context)
    case 'tool':
      return runToolStep(context)
    case 'search':
      return runSearchStep(context)
    default:
      throw new StepError('RN482', `A worker does not know steps of the kind ${context.step.kind}.`)
  }
}

/** The arguments are what the node sets, and over it what its mapping gave. */
function runToolStep(context: StepContext): Promise<unknown> {
  const { config, input, idempotency_key, lease_token } = context.step
  return callTool(context, {
    toolId: config.tool_id ?? '',
    arguments: { ...config.config, ...(config.input ? (input as object) : {}) },
    agentId: config.agent_id ?? undefined,
    idempotencyKey: idempotency_key,
    callKey: lease_token,
  })
}

async function runSearchStep({ step, withPgClient }: StepContext): Promise<unknown> {
  const given = step.input as { query?: unknown } | string | null
  const query = typeof given === 'string' ? given : given?.query
  const { rows } = await withPgClient((client) =>
    client.query('select runtime.search_for_step($1, $2, $3, $4) as hits', [
      ...[step.tenant_id, step.config.started_by_user_id ?? null],
      ...[typeof query === 'string' ? query : JSON.stringify(query ?? ''), step.config.limit ?? null],
    ]),
  )
  return rows[0]?.hits
}
