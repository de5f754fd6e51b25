// A step that a model answers: of an agent, which may call its tools for some rounds, or of a prompt. The database says which
// model, which instructions and which tools; each call is recorded there as soon as it has ended.

import { z } from 'zod'
import { modelFor } from '../models/index.ts'
import {
  type ChatAnswer,
  type ChatMessage,
  type ChatModel,
  type ChatRequest,
  ModelError,
  type ToolCall,
} from '../models/types.ts'
import { openModelSecret } from '../secrets.ts'
import { refusalOf, StepError } from './step-error.ts'
import { callTool } from './tool-call.ts'
import type { StepContext } from './types.ts'

const modelStepShape = z.object({
  model: z.object({
    id: z.string(),
    name: z.string(),
    provider: z.enum(['builtin', 'openai']),
    base_url: z.string().nullable(),
    api_key_variable: z.string().nullable(),
    model_name: z.string(),
    timeout_ms: z.number(),
    max_retries: z.number(),
  }),
  settings: z.object({
    temperature: z.number().optional(),
    top_p: z.number().optional(),
    frequency_penalty: z.number().optional(),
    presence_penalty: z.number().optional(),
    max_tokens: z.number(),
    response_format: z.enum(['json', 'text', 'structured']).optional(),
    stop: z.array(z.string()).optional(),
    is_streamed: z.boolean(),
  }),
  agent_name: z.string().nullable(),
  system: z.string().nullable(),
  prompt: z.string().nullable(),
  tools: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      description: z.string().nullable(),
      parameters: z.record(z.string(), z.unknown()),
    }),
  ),
  runs_tools_side_by_side: z.boolean(),
})
type ModelStep = z.infer<typeof modelStepShape>

const stepSettings = z.object({
  /** How often the model is asked, at most. */
  max_rounds: z.number().int().min(1).max(20).catch(8),
  output_schema: z.record(z.string(), z.unknown()).optional().catch(undefined),
})

const mostCallsInARound = 16
/** What a model reads of one tool's answer. */
const longestToolAnswer = 100_000

export async function runModelStep(context: StepContext): Promise<unknown> {
  const { step, withPgClient } = context
  const { rows } = await withPgClient((client) =>
    client.query('select runtime.open_model_step($1, $2, $3, $4, $5) as step', [
      step.tenant_id,
      step.config.started_by_user_id ?? null,
      step.config.agent_id ?? null,
      step.config.prompt_id ?? null,
      JSON.stringify(step.input ?? null),
    ]),
  )
  const opened = modelStepShape.parse(rows[0]?.step)
  const settings = stepSettings.parse(step.config.config ?? {})
  const ask = await openConversation(context, opened)
  const messages = firstMessages(context, opened, settings.output_schema)
  for (let round = 1; round <= settings.max_rounds; round += 1) {
    const answer = await ask(round, messages, formatOf(opened, settings.output_schema))
    if (answer.toolCalls.length === 0) return outputOf(context, opened, settings.output_schema, answer)
    messages.push(askedFor(answer), ...(await useTools(context, opened, answer.toolCalls, round)))
  }
  throw new StepError('RN676', `The agent has not come to an answer in ${settings.max_rounds} rounds.`)
}

function firstMessages({ step }: StepContext, opened: ModelStep, schema: object | undefined): ChatMessage[] {
  const { name, description } = step.config
  const task = description ?? name
  const input = typeof step.input === 'string' ? step.input : JSON.stringify(step.input ?? {})
  const fitting = schema === undefined ? '' : ` that fits this JSON Schema:\n${JSON.stringify(schema)}`
  const form = isJson(opened, schema) && `Answer with one JSON value, and nothing else${fitting}`
  return [
    ...(opened.system === null ? [] : [{ role: 'system' as const, content: opened.system }]),
    {
      role: 'user',
      content: [...(opened.prompt === null ? [task, input] : [opened.prompt]), form].filter(Boolean).join('\n\n'),
    },
  ]
}

function formatOf(
  opened: ModelStep,
  schema: Record<string, unknown> | undefined,
): ChatRequest['response_format'] | undefined {
  if (schema !== undefined) return { type: 'json_schema', json_schema: { name: 'output', schema } }
  return isJson(opened, schema) ? { type: 'json_object' } : undefined
}

const isJson = ({ settings }: ModelStep, schema: object | undefined): boolean =>
  schema !== undefined || settings.response_format === 'json' || settings.response_format === 'structured'

/** Calls of the model, with the tenant's key. Each is recorded, and adds to what the step has used. */
async function openConversation(context: StepContext, opened: ModelStep) {
  const { step, withPgClient, keyRing, models, signal, spent } = context
  const { model, settings, tools } = opened
  const caller = {
    tenantId: step.tenant_id,
    agentId: step.config.agent_id ?? undefined,
    userId: step.config.started_by_user_id ?? undefined,
  }
  const ownKey =
    model.provider === 'builtin'
      ? null
      : await withPgClient((client) => openModelSecret(keyRing, client, caller, model.id)).catch((error) => {
          throw refusalOf(error)
        })
  const chat: ChatModel = await modelFor(model, ownKey, models)
  const { is_streamed, response_format: _format, ...sent } = settings
  const request = (messages: ChatMessage[], format: ChatRequest['response_format'] | undefined) =>
    ({
      ...{ ...sent, messages, isStreamed: is_streamed },
      ...(tools.length === 0 ? {} : { tools: functionsOf(tools), parallel_tool_calls: opened.runs_tools_side_by_side }),
      ...(format ? { response_format: format } : {}),
    }) as ChatRequest

  return async (
    round: number,
    messages: ChatMessage[],
    format: ChatRequest['response_format'] | undefined,
  ): Promise<ChatAnswer> => {
    const startedAt = performance.now()
    const idempotencyKey = `${step.idempotency_key}:${round}`
    const answer = await chat.answer(request(messages, format), { idempotencyKey, signal }).catch((error: unknown) => {
      if (!(error instanceof ModelError)) throw error
      return error
    })
    const ms = Math.round(performance.now() - startedAt)
    spent.costs.push(await record(context, opened, { round, messages, answer, ms }))
    if (answer instanceof ModelError) throw new StepError('RN481', answer.message, answer.isPassing)
    spent.tokens += Object.values(answer.use).reduce((sum, count) => sum + count, 0)
    return answer
  }
}

type Call = { round: number; messages: ChatMessage[]; answer: ChatAnswer | ModelError; ms: number }

async function record(context: StepContext, opened: ModelStep, { round, messages, answer, ms }: Call): Promise<string> {
  const { step, withPgClient } = context
  const { temperature, top_p, max_tokens } = opened.settings
  const call = {
    // a call that is made again after a crash is another one, and is paid for again
    idempotency_key: `${step.lease_token}:${round}`,
    ...{ model: opened.model.name, temperature, top_p, max_tokens },
    user_id: step.config.started_by_user_id ?? null,
    agent_name: opened.agent_name,
    response_time_ms: ms,
    reservation_ids: step.config.reservation_ids ?? [],
    system_prompt: opened.system,
    prompt_text: lastText(messages),
    ...(answer instanceof ModelError
      ? {
          ...{ input_tokens: 0, output_tokens: 0, success: false },
          ...{ error_type: answer.fault, error_message: answer.message },
        }
      : {
          ...answer.use,
          ...{ finish_reason: answer.finishReason.slice(0, 50), time_to_first_token_ms: answer.firstTokenMs },
          completion_text: answer.text,
        }),
  }
  const { rows } = await withPgClient((client) =>
    client.query<{ cost: string }>('select runtime.record_model_call($1, $2, $3)::text as cost', [
      ...[step.tenant_id, step.config.agent_id ?? null],
      JSON.stringify(call),
    ]),
  )
  return rows[0]?.cost ?? '0'
}

const lastText = (messages: ChatMessage[]): string | null => {
  const content = messages.at(-1)?.content
  return typeof content === 'string' ? content : null
}

/** Names of functions are narrower than those of tools; the place keeps them apart. */
const functionName = (name: string, place: number): string =>
  `${name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 58)}_${place}`

const functionsOf = (tools: ModelStep['tools']): NonNullable<ChatRequest['tools']> =>
  tools.map(({ name, description, parameters }, place) => ({
    type: 'function',
    function: {
      name: functionName(name, place),
      description: description ?? name,
      parameters: { type: 'object', properties: {}, ...parameters },
    },
  }))

const askedFor = ({ text, toolCalls }: ChatAnswer): ChatMessage => ({
  role: 'assistant',
  content: text === '' ? null : text,
  tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
    ...{ id, type: 'function' as const },
    function: { name, arguments: given },
  })),
})

/** What fails is told to the model, which may try in another way; its rounds are bounded. */
async function useTools(
  context: StepContext,
  opened: ModelStep,
  calls: ToolCall[],
  round: number,
): Promise<ChatMessage[]> {
  const answers: ChatMessage[] = []
  for (const [place, call] of calls.entries()) {
    const content =
      place < mostCallsInARound
        ? await useTool(context, opened, call, `${round}.${place}`)
        : `Error: at most ${mostCallsInARound} tools are called at once.`
    answers.push({ role: 'tool', tool_call_id: call.id, content: content.slice(0, longestToolAnswer) })
  }
  return answers
}

async function useTool(context: StepContext, opened: ModelStep, call: ToolCall, place: string): Promise<string> {
  const { step } = context
  const tool = opened.tools.find(({ name }, index) => functionName(name, index) === call.name)
  if (!tool) return `Error: there is no tool ${call.name.slice(0, 100)}.`
  try {
    const output = await callTool(context, {
      toolId: tool.id,
      arguments: parseArguments(call.arguments),
      agentId: step.config.agent_id ?? undefined,
      idempotencyKey: `${step.idempotency_key}:${place}`,
      callKey: `${step.lease_token}:${place}`,
    })
    return typeof output === 'string' ? output : JSON.stringify(output)
  } catch (error) {
    context.signal.throwIfAborted()
    return `Error: ${refusalOf(error).message}`
  }
}

/** Text that is no JSON is refused as what it is: no object. */
function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text || '{}')
  } catch {
    return text
  }
}

async function outputOf(
  { step, withPgClient }: StepContext,
  opened: ModelStep,
  schema: object | undefined,
  { text }: ChatAnswer,
): Promise<unknown> {
  if (!isJson(opened, schema)) return text.replaceAll('\0', '')
  let output: unknown
  try {
    output = JSON.parse(text.replaceAll('\\u0000', '').replace(/^\s*```(?:json)?\s*|\s*```\s*$/g, ''))
  } catch {
    throw new StepError('RN478', `The answer to ${step.config.name ?? 'the step'} is no JSON.`)
  }
  if (schema === undefined) return output
  const { rows } = await withPgClient((client) =>
    client.query<{ faults: string[] }>('select runtime.check_output($1, $2) as faults', [
      JSON.stringify(schema),
      JSON.stringify(output),
    ]),
  )
  const faults = rows[0]?.faults ?? []
  if (faults.length > 0)
    throw new StepError('RN478', `The answer does not fit the output_schema of the step: ${faults.join('; ')}.`)
  return output
}
