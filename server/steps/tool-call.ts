// Calls a tool for a step: asks the database whether and how, opens the secret, calls, and records each try. Whatever comes back
// is freed of secrets before anybody sees it.

import { setTimeout as pause } from 'node:timers/promises'
import { type OutgoingAnswer, OutgoingError } from '../outgoing.ts'
import { type Redact, redactor } from '../redaction.ts'
import { openSecret } from '../secrets.ts'
import { refusalOf, StepError } from './step-error.ts'
import { credentialOf, exchangeToken, isSuccess, readValue, requestOf, type Tool, toolShape } from './tool-request.ts'
import type { StepContext } from './types.ts'

export type ToolUse = {
  toolId: string
  arguments: unknown
  agentId?: string | undefined
  /** The same when the step is run again after a crash, so that the tool can tell. */
  idempotencyKey: string
  /** Of this very call, for the log. */
  callKey: string
}

type Outcome = { output: unknown } | { error: StepError; status?: number }

const largestBytes = 5_000_000
const longestPauseMs = 60_000
const defaultPauseMs = 1_000
const longestQuote = 300

/** What the tool answered. Throws a StepError. */
export async function callTool(context: StepContext, use: ToolUse): Promise<unknown> {
  const { step, withPgClient, signal } = context
  const caller = [step.tenant_id, step.config.started_by_user_id ?? null]
  const startedAt = new Date()
  let tool: Tool
  try {
    const { rows } = await withPgClient((client) =>
      client.query('select runtime.open_tool_call($1, $2, $3, $4, $5) as tool', [
        ...caller,
        use.toolId,
        JSON.stringify(use.arguments ?? {}),
        step.step_run_id,
      ]),
    )
    tool = toolShape.parse(rows[0]?.tool)
  } catch (error) {
    const refusal = refusalOf(error)
    await close(context, use, `${use.callKey}:0`, startedAt, { error: refusal })
    throw refusal
  }
  const attempts = Math.max(1, tool.retry_config.max_attempts ?? 1)
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await tryOnce(context, use, tool, `${use.callKey}:${attempt}`)
    if ('output' in outcome) return outcome.output
    if (!outcome.error.isPassing || attempt >= attempts) throw outcome.error
    await pause(pauseMs(tool, attempt), undefined, { signal })
  }
}

function pauseMs(
  { retry_config: { backoff = 'exponential', delay_ms = defaultPauseMs } }: Tool,
  attempt: number,
): number {
  const factor = { constant: 1, linear: attempt, exponential: 2 ** (attempt - 1) }[backoff]
  return Math.min(delay_ms * factor, longestPauseMs)
}

async function tryOnce(context: StepContext, use: ToolUse, tool: Tool, key: string): Promise<Outcome> {
  const startedAt = new Date()
  const outcome = await send(context, use, tool).catch((error: unknown): Outcome => {
    context.signal.throwIfAborted()
    return { error: failureOf(error, tool) }
  })
  const faults = await close(context, use, key, startedAt, outcome)
  if (faults.length === 0) return outcome
  return { error: new StepError('RN477', `The answer of ${tool.name} does not fit its schema: ${faults.join('; ')}.`) }
}

async function send(context: StepContext, use: ToolUse, tool: Tool): Promise<Outcome> {
  const { step, withPgClient, keyRing, tools, signal } = context
  const permit = async (url: URL): Promise<void> =>
    void (await withPgClient((client) =>
      client.query('select runtime.check_outgoing_url($1, $2)', [step.tenant_id, url.href]),
    ))
  const limits = { totalMs: tool.timeout_seconds * 1_000, signal, permit }
  const secrets: string[] = []
  const { secret_name: secretName } = tool.authentication_config
  if (tool.authentication_type !== 'none') {
    const owner = {
      tenantId: step.tenant_id,
      agentId: use.agentId,
      userId: step.config.started_by_user_id ?? undefined,
    }
    secrets.push(await withPgClient((client) => openSecret(keyRing, client, owner, secretName ?? '')))
  }
  const credential = await credentialOf(tool, secrets[0] ?? '', async (secret) => {
    const token = await exchangeToken(tools, tool.authentication_config, secret, limits)
    if (!token) throw new StepError('RN480', `The tool ${tool.name} got no token at its token_url.`)
    secrets.push(token)
    return token
  })
  // what is sent is made of the secret, such as user and password in Base64
  secrets.push(...Object.values(credential.headers).map((value) => value.replace(/^(Basic|Bearer) /, '')))
  const request = requestOf(tool, use.arguments as Record<string, unknown>, credential, use.idempotencyKey)
  const answer = await tools.call(request.url, { ...request, ...limits, largestBytes })
  return outcomeOf(answer, tool, redactor(secrets))
}

async function outcomeOf(answer: OutgoingAnswer, tool: Tool, redact: Redact): Promise<Outcome> {
  const output = redact(await readValue(answer, largestBytes))
  const { status } = answer
  if (!isSuccess(status)) {
    const said = JSON.stringify(output ?? null).slice(0, longestQuote)
    const isPassing = status === 408 || status === 429 || status >= 500
    return { status, error: new StepError('RN480', `The tool ${tool.name} answered ${status}: ${said}`, isPassing) }
  }
  if (output === undefined)
    return { status, error: new StepError('RN480', `The tool ${tool.name} answered with JSON that cannot be read.`) }
  return { output }
}

function failureOf(error: unknown, tool: Tool): StepError {
  if (!(error instanceof OutgoingError)) return refusalOf(error)
  const isPassing = error.fault === 'time' || error.fault === 'unreachable'
  return new StepError('RN480', `The tool ${tool.name} failed. ${error.message}`, isPassing)
}

async function close(
  { step, withPgClient }: StepContext,
  { toolId, agentId, arguments: input }: ToolUse,
  key: string,
  startedAt: Date,
  outcome: Outcome,
): Promise<string[]> {
  const execution = {
    idempotency_key: key,
    executed_at: startedAt.toISOString(),
    tool_id: toolId,
    tool_name: 'unknown',
    agent_id: agentId ?? null,
    conversation_id: step.config.conversation_id ?? null,
    duration_ms: Date.now() - startedAt.getTime(),
    input,
    metadata: { run_id: step.run_id, step_run_id: step.step_run_id, attempt: step.attempt },
    ...('output' in outcome
      ? { status: 'success', output: outcome.output }
      : { status: 'error', error_type: outcome.error.code, error_message: outcome.error.message }),
  }
  const { rows } = await withPgClient((client) =>
    client.query<{ faults: string[] }>('select runtime.close_tool_call($1, $2, $3) as faults', [
      step.tenant_id,
      step.config.started_by_user_id ?? null,
      JSON.stringify(execution),
    ]),
  )
  return rows[0]?.faults ?? []
}
