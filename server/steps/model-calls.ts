// Calls of a model with the tools of its agent, for whatever a model answers. The database says which model, which instructions and
// which tools; each call is recorded there as soon as it has ended, also when it was cut short.

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

export const modelStepShape = z.object({
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
export type ModelStep = z.infer<typeof modelStepShape>

const mostCallsInARound = 16
/** What a model reads of one tool's answer. */
const longestToolAnswer = 100_000

export function formatOf(
  opened: ModelStep,
  schema: Record<string, unknown> | undefined,
): ChatRequest['response_format'] | undefined {
  if (schema !== undefined) return { type: 'json_schema', json_schema: { name: 'output', schema } }
  return isJson(opened, schema) ? { type: 'json_object' } : undefined
}

export const isJson = ({ settings }: ModelStep, schema: object | undefined): boolean =>
  schema !== undefined || settings.response_format === 'json' || settings.response_format === 'structured'

export type Asking = {
  format?: ChatRequest['response_format'] | undefined
  onText?: ((piece: string) => void) | undefined
}
export type Ask = (round: number, messages: ChatMessage[], asking: Asking) => Promise<ChatAnswer>

/** Opens the model with the tenant's key. Each call is recorded, and adds to what the step has used. */
export async function openModel(context: StepContext, opened: ModelStep): Promise<Ask> {
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

  return async (round, messages, { format, onText = () => {} }) => {
    const startedAt = performance.now()
    const idempotencyKey = `${step.idempotency_key}:${round}`
    const recordAs = async (answer: ChatAnswer | ModelError | CutShort): Promise<void> => {
      const ms = Math.round(performance.now() - startedAt)
      spent.costs.push(await record(context, opened, { round, messages, answer, ms }))
    }
    let heard = ''
    const hear = (piece: string): void => {
      heard += piece
      onText(piece)
    }
    const answer = await chat
      .answer(request(messages, format), { idempotencyKey, signal, onText: hear })
      .catch(async (error: unknown) => {
        // what was heard is on the provider's bill, though nobody says how much it was
        if (signal.aborted && heard !== '') await recordAs({ cutShort: heard })
        if (signal.aborted || !(error instanceof ModelError)) throw error
        return error
      })
    await recordAs(answer)
    if (answer instanceof ModelError) throw new StepError('RN481', answer.message, answer.isPassing)
    spent.tokens += Object.values(answer.use).reduce((sum, count) => sum + count, 0)
    return answer
  }
}

/** What was heard of an answer that was cut short. */
type CutShort = { cutShort: string }
const bytesOfAToken = 4
const estimatedTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / bytesOfAToken)

type Call = { round: number; messages: ChatMessage[]; answer: ChatAnswer | ModelError | CutShort; ms: number }

async function record(context: StepContext, opened: ModelStep, { round, messages, answer, ms }: Call): Promise<string> {
  const { step } = context
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
    conversation_id: step.config.conversation_id ?? undefined,
    ...endOf(answer, messages),
  }
  return context.recordCall(call)
}

function endOf(answer: Call['answer'], messages: ChatMessage[]): object {
  if (answer instanceof ModelError)
    return {
      ...{ input_tokens: 0, output_tokens: 0, success: false },
      ...{ error_type: answer.fault, error_message: answer.message },
    }
  if ('cutShort' in answer)
    return {
      input_tokens: estimatedTokens(JSON.stringify(messages)),
      output_tokens: estimatedTokens(answer.cutShort),
      ...{ finish_reason: 'cancelled', completion_text: storableText(answer.cutShort) },
    }
  return {
    ...answer.use,
    ...{ finish_reason: answer.finishReason.slice(0, 50), time_to_first_token_ms: answer.firstTokenMs },
    completion_text: storableText(answer.text),
  }
}

/** PostgreSQL stores neither a zero character nor half of a pair. */
export const storableText = (text: string): string => text.replaceAll('\0', '').toWellFormed()

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

export const askedFor = ({ text, toolCalls }: ChatAnswer): ChatMessage => ({
  role: 'assistant',
  content: text === '' ? null : text,
  tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
    ...{ id, type: 'function' as const },
    function: { name, arguments: given },
  })),
})

/** What fails is told to the model, which may try in another way; its rounds are bounded. */
export async function useTools(
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
export function parseArguments(text: string): unknown {
  try {
    return JSON.parse(text || '{}')
  } catch {
    return text
  }
}
