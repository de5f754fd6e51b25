// No door shows a memory that has expired, was superseded, corrected or forgotten, is of someone else, or is kept without a consent. The
// doors are read from the catalogue: every relation that a role may read, and every function that a user may call and that returns memories.

import { beforeAll, expect, it } from 'vitest'
import { type Person, type Tenant, type Transaction, transaction, useDatabase } from '../helpers/index.ts'
import { remember } from './helpers.ts'

const db = useDatabase()
const gone = ['zzexpired', 'zzsuperseded', 'zzcorrected', 'zzforgotten', 'zzended', 'zzfuture']

/** Remembers one of each fate of a person, and returns the ids of all versions. */
async function live(t: Transaction, person: Person): Promise<void> {
  await t.become(person)
  await t.query(`select app_public.give_consent('memory', 'v1')`)
  const word = (fate: string) => `zzword ${fate} of ${person.email}`
  const [, , wrong, forgotten] = await remember(t, [
    { memory_key: 'current', content: word('zzcurrent') },
    { memory_key: 'changed', content: word('zzsuperseded'), valid_from: '2020-01-01' },
    { memory_key: 'wrong', content: word('zzcorrected') },
    { memory_key: 'forgotten', content: word('zzforgotten'), context: word('zzforgotten'), speaker: 'zzforgotten' },
    { memory_key: 'ended', content: word('zzended'), valid_from: '2020-01-01', valid_to: '2021-01-01' },
    { memory_key: 'future', content: word('zzfuture'), valid_from: '2999-01-01' },
    { memory_key: 'expired', content: word('zzexpired'), expires_at: '2999-01-01' },
    { memory_key: 'turn', content: word('zzcurrent'), memory_type: 'episode', session_id: 'zzforgotten session' },
  ])
  await remember(t, { memory_key: 'changed', content: word('zzcurrent') })
  await t.query(`select app_public.correct_memory($1, $2)`, [wrong?.id, word('zzcurrent')])
  await t.query(`select app_public.forget(row(array[$1::uuid], null, null, null, null, null))`, [forgotten?.id])
  await t.query(`select app_public.forget(row(null, null, null, 'zzforgotten session', null, null))`)
  await t.becomeSuperuser()
  await t.query(
    `update app_public.user_memory set expires_at = now() - interval '1 second' where memory_key = 'expired'`,
  )
}

beforeAll(async () => {
  const client = await db.pool.connect()
  try {
    await client.query('begin')
    for (const tenant of [db.acme, db.globex] as Tenant[])
      for (const person of [tenant.member, tenant.admin]) await live(transaction(client), person)
    await client.query('commit')
  } finally {
    client.release()
  }
})

const relations = (t: Transaction, role: string): Promise<{ name: string }[]> =>
  t.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_class c
      where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
        and has_table_privilege($1, c.oid, 'select') and has_schema_privilege($1, c.relnamespace, 'usage') order by 1`,
    [role],
  )

/** All rows of all relations that the role reads, as text. */
async function everythingRead(t: Transaction, role: string, become: () => Promise<void>): Promise<string> {
  await t.becomeSuperuser()
  const names = await relations(t, role)
  expect(names.length).toBeGreaterThan(20)
  await become()
  const texts: string[] = []
  for (const { name } of names) {
    await t.query('savepoint look')
    try {
      texts.push(await t.value<string>(`select coalesce(string_agg(r::text, ' '), '') from ${name} r`))
      await t.query('release savepoint look')
    } catch {
      // a view whose functions the role may not call shows nothing
      await t.query('rollback to savepoint look')
    }
  }
  return texts.join('\n')
}

const fates = (text: string, person: Person) => [
  ...new Set(
    [...text.matchAll(/zzword (zz[a-z]+) of ([a-z]+@[a-z]+\.test)/g)].map(
      ([, fate, email]) => `${fate} ${email === person.email ? 'own' : email}`,
    ),
  ),
]

it('the person reads what holds, and nothing else, from every table and view', () =>
  db.inTransaction(async (t) => {
    const me = db.acme.member
    const text = await everythingRead(t, 'rowhouse_user', () => t.become(me))
    expect(fates(text, me)).toEqual(['zzcurrent own'])
    expect(gone.filter((word) => text.includes(word))).toEqual([])
  }))

it('without the consent the person reads nothing from them', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.member)
    await t.query(`select app_public.withdraw_consent('memory')`)
    const text = await everythingRead(t, 'rowhouse_user', () => t.become(db.acme.member))
    expect(fates(text, db.acme.member)).toEqual([])
  }))

it('owners, platform staff, analysts and the worker read no memory', () =>
  db.inTransaction(async (t) => {
    const readers: [string, () => Promise<void>][] = [
      ['rowhouse_user', () => t.become(db.acme.owner)],
      ['rowhouse_admin', () => t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')],
      ['rowhouse_analyst', () => t.becomeRole('rowhouse_analyst', db.acme.id)],
      ['rowhouse_worker', () => t.becomeRole('rowhouse_worker', db.acme.id)],
    ]
    for (const [role, become] of readers) {
      await t.becomeSuperuser()
      if ((await relations(t, role)).length <= 20) continue
      expect([role, fates(await everythingRead(t, role, become), db.acme.owner)]).toEqual([role, []])
    }
  }))

type Function = { name: string; volatility: string; names: string[]; types: string[]; required: number }

/** What a user may call and what returns memories, as rows or within them, or is named so. */
const functions = (t: Transaction): Promise<Function[]> =>
  t.query<Function>(
    `select p.oid::regproc::text as name, p.provolatile as volatility, coalesce(p.proargnames[1:p.pronargs], '{}') as names,
            array(select format_type(a, null) from unnest(p.proargtypes) with ordinality as a (a, n) order by n) as types,
            p.pronargs - p.pronargdefaults as required
       from pg_proc p
      where p.pronamespace = 'app_public'::regnamespace and has_function_privilege('rowhouse_user', p.oid, 'execute')
        and p.prorettype in (
          select c.reltype from pg_class c
           where c.oid = 'app_public.user_memory'::regclass or c.relname ~ 'memor|recall'
              or exists (select from pg_attribute a where a.attrelid = c.oid and a.atttypid in ('app_public.user_memory'::regtype, 'app_public.user_memory[]'::regtype)))
      order by 1`,
  )

const argument = (type: string): string | undefined =>
  ({ text: `'zzword'`, 'timestamp with time zone': 'now()', integer: '100', boolean: 'true' })[type]

it('every function that returns memories shows a person only their own, and what is gone only in the history', () =>
  db.inTransaction(async (t) => {
    const all = await functions(t)
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['app_public.memory_history', 'app_public.remember']),
    )
    // the viewer has not consented
    for (const me of [db.acme.member, db.acme.viewer]) {
      await t.become(me)
      const own = me === db.acme.member ? ['zzcurrent own'] : []
      for (const { name, volatility, names, types, required } of all) {
        if (volatility === 'v' && /remember|correct/.test(name)) continue
        const given = types.slice(0, required).map((type, n) => `${names[n]} => ${argument(type) ?? `null::${type}`}`)
        const call = `select coalesce(string_agg(r::text, ' '), '') from ${name}(${given.join(', ')}) r`
        if (me === db.acme.viewer && name === 'app_public.recall') {
          expect(await t.errorCode(call)).toBe('MM204')
          continue
        }
        const text = await t.value<string>(call)
        const found = fates(text, me).sort()
        if (name === 'app_public.memory_history')
          expect(found).toEqual(
            me === db.acme.member
              ? ['zzcorrected own', 'zzcurrent own', 'zzended own', 'zzfuture own', 'zzsuperseded own']
              : [],
          )
        else expect([name, found]).toEqual([name, own])
      }
    }
  }))

it('the export of a person has everything that is kept, on purpose', () =>
  db.inTransaction(async (t) => {
    await t.becomeSuperuser()
    const kept = await t.value<string>(`select governance.belongs_to_person('app_public.user_memory')`)
    const text = await t.value<string>(
      `select string_agg(content, ' ') from app_public.user_memory t where ${kept.replaceAll('$1', `'${db.acme.member.userId}'`)}`,
    )
    expect(fates(text, db.acme.member).sort()).toEqual(
      ['zzcorrected', 'zzcurrent', 'zzended', 'zzexpired', 'zzfuture', 'zzsuperseded'].map((fate) => `${fate} own`),
    )
  }))
