// Workflows to run in a test, and a worker's four calls.

import { randomUUID } from 'node:crypto'
import type { Person, Transaction } from '../helpers/index.ts'

export type Node = { id: string; type: string; [key: string]: unknown }
export type Edge = { from: string; to: string; condition?: string }
export type Json = unknown

export type Claimed = {
  tenant_id: string
  step_run_id: string
  run_id: string
  attempt: number
  lease_token: string
  kind: string
  config: { id?: string; [key: string]: unknown }
  input: Json
  idempotency_key: string
  timeout_seconds: number
}

export type Run = {
  id: string
  status: string
  output: Json
  error_code: string | null
  tokens: string
  cost: string
  step_count: number
}

export type Step = {
  id: string
  run_id: string
  node_id: string
  kind: string
  scope: string
  item_index: number | null
  status: string
  attempt: number
  input: Json
  output: Json
  error_code: string | null
  superseded_at: Date | null
}

/** Edges of "a>b b>c". */
export const edges = (text: string): Edge[] =>
  text
    .split(' ')
    .filter(Boolean)
    .map((edge) => ({ from: edge.split('>')[0] ?? '', to: edge.split('>')[1] ?? '' }))

/** A step that a worker does, without anything of the catalogue. */
export const work = (id: string, more: object = {}): Node => ({ id, type: 'search', ...more })

export async function createWorkflow(
  t: Transaction,
  owner: Person,
  nodes: Node[],
  links: string | Edge[],
  columns: Record<string, unknown> = {},
): Promise<string> {
  await t.become(owner)
  const { start, ...values } = columns
  const row = {
    name: `flow-${randomUUID()}`,
    workflow_definition: JSON.stringify({
      nodes,
      edges: typeof links === 'string' ? edges(links) : links,
      ...(start ? { start } : {}),
    }),
    ...values,
  }
  const names = Object.keys(row)
  const id = await t.value<string>(
    `insert into app_public.workflows (${names}) values (${names.map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(row),
  )
  await t.query('select app_public.publish_workflow($1)', [id])
  return id
}

export async function startRun(t: Transaction, owner: Person, workflowId: string, input: object = {}): Promise<string> {
  await t.become(owner)
  return t.value('select (app_public.start_workflow_run($1, $2)).id', [workflowId, JSON.stringify(input)])
}

/** Creates, publishes and starts. */
export async function begin(
  t: Transaction,
  owner: Person,
  nodes: Node[],
  links: string | Edge[] = '',
  { input = {}, ...columns }: Record<string, unknown> = {},
): Promise<string> {
  return startRun(t, owner, await createWorkflow(t, owner, nodes, links, columns), input as object)
}

export async function claim(t: Transaction, lease = '1 minute'): Promise<Claimed | undefined> {
  await t.becomeRole('rowhouse_worker')
  return (await t.query<Claimed>(`select * from runtime.claim_workflow_step('test', $1)`, [lease]))[0]
}

export const completeCall = (step: Claimed, output: Json, tokens = 0, cost = 0): [string, unknown[]] => [
  'select runtime.complete_workflow_step($1, $2, $3, $4, $5, $6)',
  [step.tenant_id, step.step_run_id, step.lease_token, JSON.stringify(output), tokens, cost],
]

export async function complete(t: Transaction, step: Claimed, output: Json, tokens = 0, cost = 0): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  await t.query(...completeCall(step, output, tokens, cost))
}

export async function fail(t: Transaction, step: Claimed, code = 'broken', isRetryable = true): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  await t.query('select runtime.fail_workflow_step($1, $2, $3, $4, $5, $6)', [
    ...[step.tenant_id, step.step_run_id, step.lease_token],
    ...['It broke.', code, isRetryable],
  ])
}

/** Claims and completes until nothing is ready; each output is what `answer` says of the step. Returns the nodes in their order. */
export async function workOff(t: Transaction, answer: (step: Claimed) => Json = () => null): Promise<string[]> {
  const done: string[] = []
  for (let step = await claim(t); step; step = await claim(t)) {
    done.push(step.config.id ?? step.kind)
    await complete(t, step, answer(step))
  }
  return done
}

export async function wake(t: Transaction): Promise<void> {
  await t.becomeRole('rowhouse_worker')
  while (await t.value<boolean>('select runtime.wake_workflow_run()'));
}

export async function readRun(t: Transaction, id: string): Promise<Run> {
  await t.becomeSuperuser()
  return (await t.query<Run>('select * from app_public.workflow_runs where id = $1', [id]))[0] as Run
}

export async function readSteps(t: Transaction, runId: string): Promise<Step[]> {
  await t.becomeSuperuser()
  return t.query('select * from app_public.workflow_step_runs where run_id = $1 order by sequence', [runId])
}

/** "node status" of each step, in its order. */
export async function story(t: Transaction, runId: string): Promise<string[]> {
  return (await readSteps(t, runId))
    .filter((step) => !step.superseded_at)
    .map(
      (step) =>
        `${step.scope && `${step.scope}/`}${step.node_id}${step.item_index === null ? '' : `#${step.item_index}`} ${step.status}`,
    )
}
