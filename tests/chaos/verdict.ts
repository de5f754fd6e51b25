// The ledger against the database and the mailbox: what is lost, and what is there twice.

import type { Email } from 'postal-mime'
import type { Transaction } from '../helpers/index.ts'
import type { Ledger } from './ledger.ts'
import { inTransaction, tenants, usageType } from './work.ts'

export type Mailed = { mail: Email; at: number }
export type Kill = { at: number; victims: string[] }
/** Findings of each kind, in words; and what there was, as figures. */
export type Verdict = { faults: string[]; figures: Record<string, number> }

export async function judge(databaseUrl: string, ledger: Ledger, mails: Mailed[], kills: Kill[]): Promise<Verdict> {
  const verdict: Verdict = { faults: [], figures: {} }
  for (const judgeOne of [
    judgeDocuments,
    judgeSearch,
    judgeUsage,
    judgeRequests,
    judgeInvitations,
    judgeCustomers,
    judgeNumbers,
  ])
    await inTransaction(databaseUrl, (t) => judgeOne(t, ledger, verdict))
  await inTransaction(databaseUrl, (t) => judgeMails(t, mails, kills, ledger, verdict))
  return verdict
}

type Judge = (t: Transaction, ledger: Ledger, verdict: Verdict) => Promise<void>

/** Each confirmed one is there; each one that is there was asked for. */
function compare(
  kind: string,
  acts: Map<string, { isConfirmed: boolean }>,
  found: string[],
  { faults, figures }: Verdict,
): void {
  const there = new Set(found)
  if (there.size < found.length) faults.push(`${kind}: ${found.length - there.size} are there twice`)
  for (const [key, { isConfirmed }] of acts) if (isConfirmed && !there.has(key)) faults.push(`${kind} ${key} is lost`)
  for (const key of there) if (!acts.has(key)) faults.push(`${kind} ${key} was never asked for`)
  const confirmed = [...acts.values()].filter(({ isConfirmed }) => isConfirmed).length
  figures[`${kind}: confirmed`] = confirmed
  figures[`${kind}: not confirmed, but done`] = [...there].filter((key) => acts.get(key)?.isConfirmed === false).length
}

const judgeDocuments: Judge = async (t, ledger, verdict) => {
  const rows = await t.query<{ id: string; key: string; status: string; words: string[] }>(
    `select d.id, d.external_id as key, concat_ws(': ', d.processing_status, d.processing_error) as status,
            array(select w[1] from regexp_matches(d.content, '[a-z]+x[0-9]+q', 'g') w) as words
       from app_public.documents d`,
  )
  compare(
    'document',
    ledger.documents,
    rows.map(({ key }) => key),
    verdict,
  )
  for (const { id, key, status, words } of rows) {
    const act = ledger.documents.get(key)
    if (status !== 'completed') verdict.faults.push(`document ${key} is ${status}`)
    if (act?.documentId && act.documentId !== id)
      verdict.faults.push(`document ${key} has another id than was promised`)
    if (words.length !== 1 || !act?.words.includes(words[0] as string))
      verdict.faults.push(`document ${key} has the text of ${words}, not of ${act?.words}`)
  }
}

/** The words of each document find it, once; words of texts that were replaced find nothing. */
const judgeSearch: Judge = async (t, ledger, { faults, figures }) => {
  for (const tenant of tenants) {
    await becomeOwner(t, tenant)
    const rows = await t.query<{ word: string; titles: string[] }>(
      `select word, array(select s.document_id::text from app_public.search(word, 'bm25', 10) s) as titles
         from unnest($1::text[]) word`,
      [
        [...ledger.documents.values()]
          .filter((act) => act.tenant === tenant)
          .flatMap(({ words, oldWords }) => [...words, ...oldWords]),
      ],
    )
    const found = new Map(rows.map(({ word, titles }) => [word, titles]))
    for (const [key, { words, oldWords, isConfirmed }] of ledger.documents) {
      if (ledger.documents.get(key)?.tenant !== tenant) continue
      const hits = words.flatMap((word) => found.get(word) ?? [])
      if (hits.length > 1 || (isConfirmed && hits.length !== 1))
        faults.push(`document ${key} is found ${hits.length} times`)
      if (oldWords.some((word) => found.get(word)?.length !== 0))
        faults.push(`document ${key} is found by its old text`)
    }
    figures['words searched for'] = (figures['words searched for'] ?? 0) + rows.length
    await t.becomeSuperuser()
    await t.query('call core.enter_tenant($1)', [
      await t.value('select id from app_public.tenants where slug = $1', [tenant]),
    ])
    for (const problem of await t.query('select * from search.verify_index()'))
      faults.push(`the index of ${tenant}: ${JSON.stringify(problem)}`)
  }
}

const judgeUsage: Judge = async (t, ledger, verdict) => {
  const rows = await t.query<{ key: string; quantity: number }>(
    `select idempotency_key as key, quantity::float8 as quantity from app_public.usage_events e
       join app_public.tenants n on n.id = e.tenant_id and n.slug = any ($1) where usage_type = $2`,
    [tenants, usageType],
  )
  compare(
    'usage event',
    ledger.usage,
    rows.map(({ key }) => key),
    verdict,
  )
  for (const { key, quantity } of rows)
    if (ledger.usage.get(key)?.quantity !== quantity) verdict.faults.push(`usage event ${key} has another quantity`)
  for (const tenant of tenants) {
    await becomeOwner(t, tenant)
    for (const difference of await t.query('select * from metering.verify_rollups()'))
      verdict.faults.push(`roll-up of ${tenant}: ${JSON.stringify(difference)}`)
    await t.becomeSuperuser()
    const sums = await t.query<{ days: number }>(
      `select coalesce(sum(quantity), 0)::float8 as days from metering.usage_days
        where usage_type = $2 and tenant_id = (select id from app_public.tenants where slug = $1)`,
      [tenant, usageType],
    )
    const there = new Set(rows.map(({ key }) => key))
    let expected = 0
    for (const [key, act] of ledger.usage) if (act.tenant === tenant && there.has(key)) expected += act.quantity
    if (sums[0]?.days !== expected)
      verdict.faults.push(`usage of ${tenant} sums up to ${sums[0]?.days}, not ${expected}`)
  }
}

/** A request that wrote something is counted, and none is counted twice (sql/08_metering/85_requests.sql). */
const judgeRequests: Judge = async (t, ledger, { faults, figures }) => {
  for (const [tenant, { writes, sent }] of ledger.requests) {
    const counted = await t.value<number>(
      `select (select count(*) from metering.api_call_buffer where tenant_id = n.id)::float8
            + (select coalesce(sum(quantity), 0) from app_public.usage_events where tenant_id = n.id and usage_type = 'api_call')::float8
         from app_public.tenants n where slug = $1`,
      [tenant],
    )
    if (counted < writes || counted > sent)
      faults.push(`requests of ${tenant}: ${counted} are counted; ${writes} wrote something, ${sent} were sent`)
    figures['requests sent'] = (figures['requests sent'] ?? 0) + sent
    figures['requests counted'] = (figures['requests counted'] ?? 0) + counted
  }
}

const judgeInvitations: Judge = async (t, ledger, verdict) => {
  const rows = await t.query<{ email: string; status: string }>(
    'select email, delivery_status as status from app_public.invitations',
  )
  compare(
    'invitation',
    ledger.invitations,
    rows.map(({ email }) => email),
    verdict,
  )
  for (const { email, status } of rows)
    if (status !== 'sent') verdict.faults.push(`the mail of the invitation of ${email} is ${status}`)
}

/** Each month of each customer is billed once, with its usage, and the books agree. */
const judgeCustomers: Judge = async (t, ledger, verdict) => {
  const slugs = await t.query<{ id: string; slug: string }>(
    `select id, slug from app_public.tenants where slug like 'customer-%'`,
  )
  compare(
    'customer',
    ledger.customers,
    slugs.map(({ slug }) => slug),
    verdict,
  )
  let invoices = 0
  for (const { id, slug } of slugs) {
    const { months, used } = ledger.customers.get(slug) ?? { months: 0, used: [] }
    const billed = await t.query<{ period: number; reason: string; status: string; fee: number; used: number }>(
      `select i.period_number as period, i.reason, i.status,
              (select count(*) from app_public.invoice_lines l where l.tenant_id = i.tenant_id and l.invoice_id = i.id
                and l.kind = 'recurring')::int as fee,
              (select coalesce(sum(quantity), 0) from app_public.invoice_lines l where l.tenant_id = i.tenant_id
                and l.invoice_id = i.id and l.kind = 'usage')::int as used
         from app_public.invoices i where i.tenant_id = $1 order by i.period_number, i.id`,
      [id],
    )
    invoices += billed.length
    // a month's fee is billed at its begin, its usage with the next month's fee
    const expected = Array.from({ length: months + 1 }, (_, i) => ({
      period: i + 1,
      reason: 'period',
      status: 'finalised',
      fee: 1,
      used: used[i - 1] ?? 0,
    }))
    if (JSON.stringify(billed) !== JSON.stringify(expected))
      verdict.faults.push(`customer ${slug} is billed ${JSON.stringify(billed)}, not ${JSON.stringify(expected)}`)
    for (const difference of await t.query('select * from billing.verify_billing($1)', [id]))
      verdict.faults.push(`the books of ${slug}: ${JSON.stringify(difference)}`)
    await t.becomeSuperuser()
  }
  verdict.figures.invoices = invoices
}

/** From 1 on, none left out and none given twice, by the documents themselves and not by the list of numbers. */
const judgeNumbers: Judge = async (t, _ledger, { faults }) => {
  const rows = await t.query<{ issuer: string; numbers: number[] }>(
    `select issuer_id || ' ' || series as issuer, array_agg(sequence_number::int order by sequence_number) as numbers
       from app_public.invoices where status <> 'draft' group by 1`,
  )
  for (const { issuer, numbers } of rows)
    if (numbers.some((number, i) => number !== i + 1)) faults.push(`the numbers of ${issuer} are ${numbers}`)
}

/**
 * Each mail that was to be sent came, under one Message-ID. It came again only where a kill fell between the mail server's
 * answer and the record of it: after that no other is sent.
 */
async function judgeMails(
  t: Transaction,
  mails: Mailed[],
  kills: Kill[],
  ledger: Ledger,
  { faults, figures }: Verdict,
): Promise<void> {
  const copies = Map.groupBy(mails, ({ mail }) => mail.messageId ?? 'no id')
  const wanted = await t.query<{ id: string; key: string; isWaiting: boolean }>(
    `select 'invitation-' || id || '-' || delivery_number as id, email as key, false as "isWaiting" from app_public.invitations
      union all
     select 'notice-' || m.id, u.email, m.status = 'queued' and exists (
              select from graphile_worker._private_jobs j where j.payload ->> 'mailId' = m.id::text)
       from app_public.notice_mails m join app_public.user_profiles u on u.id = m.user_id`,
  )
  for (const { id, key, isWaiting } of wanted) {
    const [first, ...more] = copies.get(`<${id}@app.example.test>`) ?? []
    copies.delete(`<${id}@app.example.test>`)
    if (!first && isWaiting) {
      figures['mails that wait for the end of a lease'] = (figures['mails that wait for the end of a lease'] ?? 0) + 1
      continue
    }
    if (!first) {
      faults.push(`the mail ${id} to ${key} never came`)
      continue
    }
    if (first.mail.to?.[0]?.address !== key) faults.push(`the mail ${id} went to someone else`)
    let last = first.at
    for (const { at } of more) {
      if (!kills.some((kill) => kill.at >= last && kill.at <= at && kill.victims.some((one) => one !== 'server')))
        faults.push(`the mail ${id} came again without a kill in between`)
      last = at
    }
    figures['mails that came again'] = (figures['mails that came again'] ?? 0) + more.length
  }
  for (const id of copies.keys()) faults.push(`the mail ${id} was never to be sent`)
  figures.mails = wanted.length
  figures['tokens of copies that lead in'] = await tokensLeadIn(t, mails, ledger)
}
/** Every copy's link works. */
async function tokensLeadIn(t: Transaction, mails: Mailed[], ledger: Ledger): Promise<number> {
  let count = 0
  for (const { mail } of mails) {
    const token = /#token=([\w-]+)/.exec(mail.text ?? '')?.[1]
    if (!token || !ledger.invitations.has(mail.to?.[0]?.address ?? '')) continue
    count += await t.value<number>(
      `select count(*)::int from vault.invitations v join app_public.invitations i on i.tenant_id = v.tenant_id and i.id = v.invitation_id
        where v.token_hash = tenancy.token_hash($1) and i.email = $2`,
      [token, mail.to?.[0]?.address],
    )
  }
  return count
}

async function becomeOwner(t: Transaction, tenant: string): Promise<void> {
  await t.becomeSuperuser()
  const [owner] = await t.query<{ tenantId: string; userId: string }>(
    `select m.tenant_id as "tenantId", m.user_id as "userId" from app_public.user_tenants m
       join app_public.tenants n on n.id = m.tenant_id where n.slug = $1 and m.role = 'owner'`,
    [tenant],
  )
  await t.become(owner as Parameters<Transaction['become']>[0])
}
