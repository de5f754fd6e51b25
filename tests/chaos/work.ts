// The mixed work: files, usage, searches, invitations and bills, by clients who write down what they were promised. About
// a third of them give up when they get no answer; the others ask again until they get one.

import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { between, mulberry32, pick, type Random } from '../../bench/random.ts'
import { addPlan, payByInvoice } from '../billing/helpers.ts'
import { setClock } from '../helpers/clock.ts'
import { type Transaction, transaction } from '../helpers/index.ts'
import { eventOf } from '../helpers/metering.ts'
import { type Client, createClient, ownerOf, Refused, Unknown } from './client.ts'
import type { DocumentAct, Ledger } from './ledger.ts'

export const tenants = ['alder', 'birch', 'cedar']
export const usageType = 'tool_call'
const plan = 'chaos'
const day = 86_400_000
const retryMs = 100

export type Work = { stop: () => Promise<void> }

/** What a client has at hand for one act. */
type Turn = { random: Random; client: Client; ledger: Ledger; isOver: () => boolean; number: () => number }

export async function startWork(url: string, databaseUrl: string, seed: number, ledger: Ledger): Promise<Work> {
  const sources = await setUp(databaseUrl)
  let isOver = false
  let last = 0
  const number = (): number => ++last
  const working: Promise<void>[] = []
  const begin = (part: number, pauseMs: number, act: (random: Random) => Promise<void>): void => {
    const random = mulberry32(seed + part)
    const work = async (): Promise<void> => {
      while (!isOver) {
        await act(random)
        await sleep(between(random, 1, pauseMs))
      }
    }
    working.push(work())
  }
  for (const [i, tenant] of tenants.entries()) {
    const client = await createClient(url, tenant, ledger)
    const of = (random: Random): Turn => ({ random, client, ledger, isOver: () => isOver, number })
    const sourceId = sources.get(tenant) as string
    const own: string[] = []
    begin(10 * i + 1, 400, (random) => ingest(of(random), sourceId, own))
    begin(10 * i + 2, 200, (random) => recordUsage(of(random)))
    begin(10 * i + 3, 400, (random) => search(of(random)))
    begin(10 * i + 4, 600, (random) => invite(of(random)))
  }
  begin(101, 1_500, (random) => sell(databaseUrl, random, ledger, number))
  // a fault of a client must not wait for the end to be told
  const failed = Promise.all(working)
  failed.catch(() => {})
  return {
    stop: async () => {
      isOver = true
      await failed
    },
  }
}

async function setUp(databaseUrl: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>()
  await inTransaction(databaseUrl, async (t) => {
    const components = [{ usageType, model: 'per_unit', unitAmount: '0.01' }]
    await addPlan(t, { slug: plan, amount: 10, components })
    for (const tenant of tenants) {
      const id = await t.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [tenant, ownerOf(tenant)])
      await t.query('call core.enter_tenant($1)', [id])
      const sourceId = await t.value<string>(
        `insert into app_public.rag_knowledge_sources (tenant_id, name) values ($1, 'files') returning id`,
        [id],
      )
      sources.set(tenant, sourceId)
    }
  })
  return sources
}

/** Asks until there is an answer, or gives up. Whether it was done: yes, or nobody knows. */
async function insist({ random, isOver }: Turn, ask: () => Promise<void>): Promise<boolean> {
  const givesUp = random() < 0.35
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ask()
      return true
    } catch (error) {
      if (!(error instanceof Unknown)) throw error
      if (givesUp || (isOver() && attempt > 100)) return false
      await sleep(retryMs)
    }
  }
}

const upload = `mutation ($sourceId: UUID!, $externalId: String!, $fileName: String!, $content: String!) {
  uploadFile(input: {sourceId: $sourceId, externalId: $externalId, fileName: $fileName, contentBase64: $content}) {
    receipt { documentId outcome error }
  }
}`

/** A new file, or a new text of an earlier one of this client. */
async function ingest(turn: Turn, sourceId: string, own: string[]): Promise<void> {
  const { random, client, ledger, number } = turn
  const tenant = client.tenant
  const n = number()
  const word = `${tenant}x${n}q`
  const earlier = random() < 0.2 && own.length > 0 ? pick(random, own) : undefined
  const externalId = earlier ?? `${tenant}-${n}`
  const act: DocumentAct = ledger.documents.get(externalId) ?? {
    tenant,
    isConfirmed: false,
    sourceId,
    words: [],
    oldWords: [],
  }
  ledger.documents.set(externalId, act)
  act.words.push(word)
  const { extension, text } = fileWith(random, word)
  const content = Buffer.from(text).toString('base64')
  const isDone = await insist(turn, async () => {
    const data = await client.ask(upload, { sourceId, externalId, fileName: `file.${extension}`, content })
    const { receipt } = data.uploadFile
    if (receipt.outcome === 'refused') throw new Error(`A file is refused: ${receipt.error}`)
    act.documentId = receipt.documentId
  })
  if (isDone) {
    act.isConfirmed = true
    act.oldWords.push(...act.words.splice(0, act.words.length - 1))
    if (!earlier) own.push(externalId)
  } else if (earlier) own.splice(own.indexOf(earlier), 1)
}

function fileWith(random: Random, word: string): { extension: string; text: string } {
  const extension = pick(random, ['txt', 'md', 'html', 'csv'])
  const sentences = Array.from(
    { length: between(random, 1, 250) },
    () => `The roof of house ${between(random, 1, 999)} holds.`,
  )
  sentences.push(`And then ${word}.`)
  const text = {
    txt: () => sentences.join(' '),
    md: () => `# A house\n\n${sentences.join('\n\n')}`,
    html: () => `<html><body>${sentences.map((sentence) => `<p>${sentence}</p>`).join('')}</body></html>`,
    csv: () => `number,note\n${sentences.map((sentence, i) => `${i},"${sentence}"`).join('\n')}`,
  }[extension]
  return { extension, text: text?.() ?? '' }
}

const record = `mutation ($events: [NewUsageEventInput]!) {
  recordUsages(input: {events: $events}) { receipts { idempotencyKey } }
}`

async function recordUsage(turn: Turn): Promise<void> {
  const { random, client, ledger, number } = turn
  const events = Array.from({ length: between(random, 1, 20) }, () => ({
    idempotencyKey: `${client.tenant}-${number()}`,
    usageType,
    quantity: String(between(random, 1, 50)),
  }))
  const acts = events.map(({ idempotencyKey, quantity }) => {
    const act = { tenant: client.tenant, isConfirmed: false, quantity: Number(quantity) }
    ledger.usage.set(idempotencyKey, act)
    return act
  })
  const isDone = await insist(turn, () => client.ask(record, { events }))
  for (const act of acts) act.isConfirmed = isDone
}

/** What is found is the tenant's own, whatever happens meanwhile. */
async function search({ random, client, ledger }: Turn): Promise<void> {
  const others = tenants.filter((tenant) => tenant !== client.tenant)
  const known = [...ledger.documents.values()].slice(-200)
  const { words } = known.length > 0 ? pick(random, known) : { words: [] }
  try {
    const data = await client.ask('query ($query: String!) { search(query: $query, first: 5) { nodes { content } } }', {
      query: `${words[0] ?? 'house'} roof`,
    })
    ledger.searches += 1
    for (const { content } of data.search.nodes) {
      if (others.some((other) => content.includes(`${other}x`))) throw new Error(`A foreign row: ${content}`)
    }
  } catch (error) {
    if (!(error instanceof Unknown)) throw error
  }
}

/** That the person is invited already, or that a mail went out, is what the second try is told. */
const isInvitedAlready = 'ID503'

async function invite(turn: Turn): Promise<void> {
  const { client, ledger, number } = turn
  const email = `guest${number()}@${client.tenant}.test`
  const act = { tenant: client.tenant, isConfirmed: false }
  ledger.invitations.set(email, act)
  let attempts = 0
  act.isConfirmed = await insist(turn, async () => {
    attempts += 1
    try {
      await client.ask('mutation ($email: String!) { inviteUser(input: {email: $email}) { invitation { id } } }', {
        email,
      })
    } catch (error) {
      if (attempts === 1 || !(error instanceof Refused) || error.code !== isInvitedAlready) throw error
    }
  })
}

/** A customer of some months ago with some usage, of whom no month is billed yet; and the bills are to be made. */
async function sell(databaseUrl: string, random: Random, ledger: Ledger, number: () => number): Promise<void> {
  const slug = `customer-${number()}`
  const months = between(random, 1, 6)
  const act = {
    tenant: slug,
    isConfirmed: false,
    months,
    used: Array.from({ length: months }, () => between(random, 1, 100)),
  }
  ledger.customers.set(slug, act)
  try {
    await inTransaction(databaseUrl, async (t) => {
      const begin = monthsAgo(months)
      await setClock(t, begin.toISOString())
      const tenantId = await t.value<string>('select id from tenancy.provision_tenant($1, $1, $2)', [
        slug,
        ownerOf(slug),
      ])
      await payByInvoice(t, tenantId)
      const userId = await t.value<string>('select user_id from app_public.user_tenants where tenant_id = $1', [
        tenantId,
      ])
      const owner = { tenantId, userId } as Parameters<Transaction['become']>[0]
      await t.become(owner)
      await t.query('select app_public.start_subscription($1)', [plan])
      for (const [month, quantity] of act.used.entries()) {
        const at = new Date(monthsAgo(months - month).getTime() + day).toISOString()
        await setClock(t, at)
        const event = eventOf('$1::text', '$2::text', '$3::text', '$4::text')
        await t.query(`select app_public.record_usage(${event})`, [`${slug}-${month}`, usageType, quantity, at])
      }
      await t.becomeSuperuser()
      await t.query(`select graphile_worker.add_job('billing__run_invoices')`)
    })
    act.isConfirmed = true
  } catch (error) {
    if (!isAway(error)) throw error
    await sleep(retryMs)
  }
}

/** On a day that every month has and that is some days past, so that the draft with the last month's usage is due. */
function monthsAgo(months: number): Date {
  const past = new Date(Date.now() - 5 * day)
  return new Date(Date.UTC(past.getUTCFullYear(), past.getUTCMonth() - months, Math.min(past.getUTCDate(), 28), 12))
}

/** The connection was lost, or there was none. */
const isAway = (error: unknown): boolean => {
  const { code = '', message } = error as pg.DatabaseError
  return /^(57P0\d|08\d\d\d|ECONN\w+|EPIPE)$/.test(code) || /terminated|connection error|timeout/i.test(message)
}

export async function inTransaction(databaseUrl: string, work: (t: Transaction) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl })
  client.on('error', () => {})
  await client.connect()
  try {
    await client.query('begin')
    await work(transaction(client))
    await client.query('commit')
  } finally {
    await client.end().catch(() => {})
  }
}
