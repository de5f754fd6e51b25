// What a worker knows of the step that it runs, and what a step may call.

import type { JobHelpers } from 'graphile-worker'
import { z } from 'zod'
import type { Outgoing } from '../outgoing.ts'
import type { KeyRing } from '../secrets.ts'

/** The node of the workflow that the step is a run of, as the database hands it out. */
const nodeShape = z.looseObject({
  id: z.string().nullish(),
  name: z.string().nullish(),
  description: z.string().nullish(),
  agent_id: z.string().nullish(),
  tool_id: z.string().nullish(),
  prompt_id: z.string().nullish(),
  /** What the input was made by; without it the input is all that came before. */
  input: z.record(z.string(), z.unknown()).nullish(),
  limit: z.number().nullish(),
  started_by_user_id: z.string().nullish(),
  conversation_id: z.string().nullish(),
  reservation_ids: z.array(z.string()).nullish(),
  config: z.record(z.string(), z.unknown()).nullish(),
})

export const claimedStepShape = z.object({
  tenant_id: z.string(),
  step_run_id: z.string(),
  run_id: z.string(),
  attempt: z.number(),
  lease_token: z.string(),
  kind: z.string(),
  config: nodeShape,
  input: z.unknown(),
  idempotency_key: z.string(),
  timeout_seconds: z.number().nullish(),
})
export type ClaimedStep = z.infer<typeof claimedStepShape>

export type StepContext = {
  step: ClaimedStep
  withPgClient: JobHelpers['withPgClient']
  keyRing: KeyRing | undefined
  /** For addresses that tenants name. */
  tools: Outgoing
  /** For addresses of models' providers, which platform staff name. */
  models: Outgoing
  /** Aborted when the lease is lost, the step is cancelled or the worker stops. */
  signal: AbortSignal
  spent: Spent
  /** Records a call of a model, with the fields of new_llm_call, and tells its cost. */
  recordCall: (call: object) => Promise<string>
}

/** What the calls of a step have used so far. Costs are decimals as the database writes them, one a call, and it adds them up. */
export type Spent = { tokens: number; costs: string[] }
