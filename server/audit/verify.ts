// Verifies an exported audit, line by line: it needs nothing but the lines, a public key that is trusted, and the heads that an
// anchor has. It holds one batch at a time, and of an anchor one head a batch.

import { z } from 'zod'
import { digestOf, headOf, leafOf, nodeOf, rootOf } from './hashes.ts'
import { isSignature } from './signing.ts'

export type Problem =
  | 'altered'
  | 'deleted'
  | 'inserted'
  | 'reordered'
  | 'batch_altered'
  | 'batch_missing'
  | 'chain_broken'
  | 'not_signed'
  | 'wrong_signature'
  | 'anchor_differs'
  | 'truncated'
export type Finding = { tenantId: string; batch: number; problem: Problem; entryId?: string }
export type Verdict = { batches: number; entries: number; findings: Finding[] }

/** The first ones; a file in which everything is wrong needs no longer list. */
const mostFindings = 1000

const hex = z.string().regex(/^[0-9a-f]*$/)
const batchLine = z.object({
  batch: z.string(),
  row_ids: z.array(z.number().int()),
  leaves: hex,
  public_key: hex.nullable(),
  signature: hex.nullable(),
})
const entryLine = z.object({ id: z.number().int(), entry: z.string() })
const batchText = z.object({
  tenant_id: z.string(),
  number: z.int(),
  after_id: z.number().int(),
  to_id: z.number().int(),
  row_ids: hex,
  root: hex,
  previous: hex,
})
const anchorLine = z.object({ tenant_id: z.string(), number: z.int(), head: hex })
type Batch = z.infer<typeof batchText>

/** The heads of an anchor, by tenant and number. */
export type Anchor = Map<string, Map<number, string>>

export async function readAnchor(lines: AsyncIterable<string>): Promise<Anchor> {
  const anchor: Anchor = new Map()
  for await (const line of lines) {
    if (!line.trim()) continue
    const { tenant_id, number, head } = anchorLine.parse(JSON.parse(line))
    const heads = anchor.get(tenant_id) ?? new Map<number, string>()
    // a head that came twice is the same; of two that differ the first counts
    if (!heads.has(number)) heads.set(number, head)
    anchor.set(tenant_id, heads)
  }
  return anchor
}

/** What is trusted beside the export. */
type Trust = { publicKey?: string | undefined; anchor?: Anchor | undefined }
type Open = { text: Batch; awaited: Map<number, string>; leaves: Set<string> }

export async function verifyExport(lines: AsyncIterable<string>, trust: Trust = {}): Promise<Verdict> {
  const verdict: Verdict = { batches: 0, entries: 0, findings: [] }
  const last = new Map<string, { number: number; head: string; to: number }>()
  let open: Open | undefined

  const find = (text: Batch, problem: Problem, entryId?: number): void => {
    if (verdict.findings.length >= mostFindings) return
    const entry = entryId === undefined ? {} : { entryId: String(entryId) }
    verdict.findings.push({ tenantId: text.tenant_id, batch: text.number, problem, ...entry })
  }
  const close = (): void => {
    if (open) for (const id of open.awaited.keys()) find(open.text, 'deleted', id)
  }
  const begin = (line: z.infer<typeof batchLine>): void => {
    close()
    const text = batchText.parse(JSON.parse(line.batch))
    const head = headOf(line.batch)
    for (const problem of problemsOf(line, text, head, trust, last.get(text.tenant_id))) find(text, problem)
    last.set(text.tenant_id, { number: text.number, head: head.toString('hex'), to: text.to_id })
    const leaves = line.row_ids.map((_, i) => line.leaves.slice(64 * i, 64 * i + 64))
    const awaited = new Map(line.row_ids.map((id, i) => [id, leaves[i] as string]))
    open = { text, awaited, leaves: new Set(leaves) }
    verdict.batches += 1
  }

  for await (const line of lines) {
    if (!line.trim()) continue
    const parsed: unknown = JSON.parse(line)
    if (parsed instanceof Object && 'batch' in parsed) {
      begin(batchLine.parse(parsed))
      continue
    }
    const { id, entry } = entryLine.parse(parsed)
    if (!open) throw new Error('The export does not begin with a batch.')
    verdict.entries += 1
    const leaf = leafOf(entry).toString('hex')
    const sealed = open.awaited.get(id)
    open.awaited.delete(id)
    if (sealed !== leaf) find(open.text, open.leaves.has(leaf) ? 'reordered' : sealed ? 'altered' : 'inserted', id)
  }
  close()
  for (const finding of truncations(trust.anchor, last))
    if (verdict.findings.length < mostFindings) verdict.findings.push(finding)
  return verdict
}

function problemsOf(
  line: z.infer<typeof batchLine>,
  text: Batch,
  head: Buffer,
  { publicKey, anchor }: Trust,
  before: { number: number; head: string; to: number } | undefined,
): Problem[] {
  const problems: Problem[] = []
  if (before && text.number > before.number + 1) problems.push('batch_missing')
  else if (before && (text.previous !== before.head || text.after_id !== before.to)) problems.push('chain_broken')
  const isWhole =
    digestOf(line.row_ids.join(',')) === text.row_ids &&
    line.leaves.length === 64 * line.row_ids.length &&
    rootOf(Buffer.from(line.leaves, 'hex')).toString('hex') === text.root
  if (!isWhole) problems.push('batch_altered')
  const trusted = publicKey ?? line.public_key ?? ''
  if (!line.signature) problems.push('not_signed')
  else if (!isSignature(line.signature, head, trusted)) problems.push('wrong_signature')
  const anchored = anchor?.get(text.tenant_id)?.get(text.number)
  if (anchored !== undefined && anchored !== head.toString('hex')) problems.push('anchor_differs')
  return problems
}

/** What an anchor has and the export has not, of the tenants that are exported. */
function truncations(anchor: Anchor | undefined, last: Map<string, { number: number }>): Finding[] {
  return [...last].flatMap(([tenantId, { number }]) =>
    [...(anchor?.get(tenantId)?.keys() ?? [])]
      .filter((anchored) => anchored > number)
      .sort((a, b) => a - b)
      .map((batch) => ({ tenantId, batch, problem: 'truncated' as const })),
  )
}

const proof = z.object({
  entry: z.string(),
  path: z.array(z.object({ side: z.enum(['left', 'right']), hash: hex })).max(12),
  batch: z.string(),
  public_key: hex.nullable(),
  signature: hex.nullable(),
})

/** Why a proof does not hold, or undefined when the entry was sealed by who has the key. */
export function faultOfProof(json: unknown, publicKey: string | undefined): string | undefined {
  const { entry, path, batch, public_key, signature } = proof.parse(json)
  const text = batchText.parse(JSON.parse(batch))
  let hash = leafOf(entry)
  for (const step of path) {
    const other = Buffer.from(step.hash, 'hex')
    hash = step.side === 'left' ? nodeOf(other, hash) : nodeOf(hash, other)
  }
  if (hash.toString('hex') !== text.root) return 'The entry does not lead to the root of the batch.'
  if (!isSignature(signature ?? '', headOf(batch), publicKey ?? public_key ?? ''))
    return 'The batch is not signed with this key.'
  return undefined
}
