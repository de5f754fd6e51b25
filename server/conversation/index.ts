// Gives the answers of conversations: claims them, asks the model, writes what it says in strides, and reports how they ended. Who may
// be answered, what the model reads and what becomes of the answer is decided by sql/14_conversation.

import { hostname } from 'node:os'
import { z } from 'zod'
import type { ChatMessage } from '../models/types.ts'
import type { Outgoing } from '../outgoing.ts'
import type { KeyRing } from '../secrets.ts'
import { askedFor, formatOf, modelStepShape, openModel, useTools } from '../steps/model-calls.ts'
import { refusalOf, StepError } from '../steps/step-error.ts'
import type { StepContext } from '../steps/types.ts'
import { createSideBySide, type SideBySide, type WithPgClient } from '../worker/side-by-side.ts'
import { createDraft, type Draft } from './draft.ts'

export type AnswerRunnerOptions = {
  keyRing: KeyRing | undefined
  tools: Outgoing
  models: Outgoing
  /** Aborted when the worker stops: answers are given back. */
  stopping: AbortSignal
  leaseMs?: number
  /** How often what is new of an answer is written, at most. */
  strideMs?: number
}

const mostAtOnce = 50
const defaultLeaseMs = 30_000
const defaultStrideMs = 250
/** How often a model is asked for one answer, when it calls tools. */
const mostRounds = 8

const claimedShape = z.object({
  tenant_id: z.string(),
  message_id: z.string(),
  conversation_id: z.string(),
  user_id: z.string(),
  agent_id: z.string(),
  attempt: z.number(),
  lease_token: z.string(),
  idempotency_key: z.string(),
  reservation_ids: z.array(z.string()),
})
type Claimed = z.infer<typeof claimedShape>

const preparedShape = modelStepShape.extend({
  messages: z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.string() })),
})

export function createAnswerRunner({ leaseMs = defaultLeaseMs, ...options }: AnswerRunnerOptions): SideBySide {
  const worker = `${hostname()}/${process.pid}`
  const lease = `${leaseMs} milliseconds`

  async function claim(withPgClient: WithPgClient, room: number): Promise<Claimed[]> {
    const claimed: Claimed[] = []
    while (claimed.length < room) {
      const { rows } = await withPgClient((client) =>
        client.query('select * from conversation.claim_answer($1, $2)', [worker, lease]),
      )
      if (rows.length === 0) break
      claimed.push(claimedShape.parse(rows[0]))
    }
    return claimed
  }

  return createSideBySide({
    ...{ mostAtOnce, claim },
    run: (withPgClient, answer) => runLeased(withPgClient, answer, { ...options, leaseMs }),
  })
}

type Ending = { finishReason: string } | StepError | 'given back'

/** An answer whose lease was lost is somebody else's, or was cancelled: nothing more is said of it. */
async function runLeased(
  withPgClient: WithPgClient,
  answer: Claimed,
  { leaseMs, strideMs = defaultStrideMs, stopping, ...means }: AnswerRunnerOptions & { leaseMs: number },
): Promise<void> {
  const [lost, full] = [new AbortController(), new AbortController()]
  const key = [answer.tenant_id, answer.message_id, answer.lease_token]
  const draft = createDraft({
    write: async (parts) => {
      const { rows } = await withPgClient((client) =>
        client.query<{ is_held: boolean }>('select conversation.write_answer($1, $2, $3, $4, $5) as is_held', [
          ...[...key, parts && JSON.stringify(parts), `${leaseMs} milliseconds`],
        ]),
      )
      return rows[0]?.is_held ?? false
    },
    onLost: () => lost.abort(),
    onFull: () => full.abort(),
    ...{ strideMs, renewMs: leaseMs / 3 },
  })
  const signal = AbortSignal.any([lost.signal, full.signal, stopping])
  const context = contextOf(withPgClient, answer, { ...means, signal })
  try {
    const ending: Ending = await converse(context, answer, draft).catch((error: unknown) =>
      signal.aborted ? 'given back' : refusalOf(error),
    )
    await draft.stop()
    if (!lost.signal.aborted)
      await report(withPgClient, key, draft, full.signal.aborted ? { finishReason: 'length' } : ending)
  } finally {
    await draft.stop()
  }
}

/** An answer is to the calls of models and tools what a step of a workflow is. */
function contextOf(
  withPgClient: WithPgClient,
  answer: Claimed,
  means: Pick<StepContext, 'keyRing' | 'tools' | 'models' | 'signal'>,
): StepContext {
  return {
    ...{ ...means, withPgClient, spent: { tokens: 0, costs: [] } },
    step: {
      ...{ tenant_id: answer.tenant_id, step_run_id: answer.message_id, run_id: answer.conversation_id },
      ...{ attempt: answer.attempt, lease_token: answer.lease_token, idempotency_key: answer.idempotency_key },
      ...{ kind: 'answer', input: null },
      config: {
        ...{ agent_id: answer.agent_id, started_by_user_id: answer.user_id },
        ...{ conversation_id: answer.conversation_id, reservation_ids: answer.reservation_ids },
      },
    },
    recordCall: async (call) => {
      const { rows } = await withPgClient((client) =>
        client.query<{ cost: string }>('select conversation.record_call($1, $2, $3, $4)::text as cost', [
          ...[answer.tenant_id, answer.message_id, answer.agent_id, JSON.stringify(call)],
        ]),
      )
      return rows[0]?.cost ?? '0'
    },
  }
}

async function converse(context: StepContext, answer: Claimed, draft: Draft): Promise<{ finishReason: string }> {
  const { rows } = await context.withPgClient((client) =>
    client.query('select conversation.prepare_answer($1, $2, $3) as prepared', [
      ...[answer.tenant_id, answer.message_id, answer.lease_token],
    ]),
  )
  const { messages: before, ...opened } = preparedShape.parse(rows[0]?.prepared)
  const ask = await openModel(context, opened)
  const messages: ChatMessage[] = [
    ...(opened.system === null ? [] : [{ role: 'system' as const, content: opened.system }]),
    ...before,
  ]
  for (let round = 1; round <= mostRounds; round += 1) {
    let isHeard = false
    const onText = (piece: string): void => {
      isHeard = true
      draft.hear(piece)
    }
    const said = await ask(round, messages, { format: formatOf(opened, undefined), onText })
    if (!isHeard) draft.hear(said.text)
    if (said.toolCalls.length === 0) return { finishReason: said.finishReason }
    const results = await useTools(context, opened, said.toolCalls, round)
    draft.addTools(said.toolCalls, results)
    messages.push(askedFor(said), ...results)
  }
  throw new StepError('RN676', `The agent has not come to an answer in ${mostRounds} rounds.`)
}

async function report(withPgClient: WithPgClient, key: string[], draft: Draft, ending: Ending): Promise<void> {
  try {
    await withPgClient((client) => {
      if (ending === 'given back') return client.query('select conversation.release_answer($1, $2, $3)', key)
      const parts = JSON.stringify(draft.parts())
      if (ending instanceof StepError)
        return client.query('select conversation.fail_answer($1, $2, $3, $4, $5, $6)', [
          ...[...key, parts, ending.code, ending.message.slice(0, 2_000)],
        ])
      return client.query('select conversation.complete_answer($1, $2, $3, $4, $5)', [
        ...[...key, parts, ending.finishReason.slice(0, 100)],
      ])
    })
  } catch (error) {
    // the lease ended while this was on its way: the answer was cancelled, or is given again by the same idempotency key
    if ((error as { code?: string }).code !== 'TK504') throw error
  }
}
