// A step that a model answers: of an agent, which may call its tools for some rounds, or of a prompt.

import { z } from 'zod'
import type { ChatAnswer, ChatMessage } from '../models/types.ts'
import { askedFor, formatOf, isJson, type ModelStep, modelStepShape, openModel, useTools } from './model-calls.ts'
import { StepError } from './step-error.ts'
import type { StepContext } from './types.ts'

const stepSettings = z.object({
  /** How often the model is asked, at most. */
  max_rounds: z.number().int().min(1).max(20).catch(8),
  output_schema: z.record(z.string(), z.unknown()).optional().catch(undefined),
})

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
  const ask = await openModel(context, opened)
  const messages = firstMessages(context, opened, settings.output_schema)
  for (let round = 1; round <= settings.max_rounds; round += 1) {
    const answer = await ask(round, messages, { format: formatOf(opened, settings.output_schema) })
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
