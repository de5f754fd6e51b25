// Obligations: legal moves with evidence, deadlines with reminders, and flags that are derived from what is valid today.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const add = (t: Transaction, regulation = 'HIPAA', jurisdiction = 'US'): Promise<string> =>
  t.value(`insert into app_public.regulatory_compliance (regulation, jurisdiction) values ($1, $2) returning id`, [
    regulation,
    jurisdiction,
  ])
const assess = (t: Transaction, id: string, status: string, evidence = 'report', validUntil: string | null = null) =>
  t.errorCode('select app_public.assess_obligation($1, $2, $3, $4)', [id, status, evidence, validUntil])
const flag = (t: Transaction): Promise<boolean> =>
  t.value('select app_public.tenants_hipaa_compliant(t) from app_public.tenants t where t.id = $1', [db.acme.id])
const asOwner = (work: (t: Transaction) => Promise<void>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    await work(t)
  })

describe('an obligation', () => {
  it('moves along the legal moves only, each with evidence, and leaves a record', () =>
    asOwner(async (t) => {
      const id = await add(t)
      expect(await assess(t, id, 'compliant')).toBe('NS501')
      expect(await assess(t, id, 'in_progress', ' ')).toBe('NS402')
      expect(await assess(t, id, 'in_progress')).toBeUndefined()
      expect(await assess(t, id, 'compliant')).toBeUndefined()
      expect(await t.value('select count(*)::int from app_public.compliance_records')).toBe(2)
      expect(await t.errorCode(`update app_public.regulatory_compliance set status = 'compliant'`)).toBe('42501')
      await t.become(db.globex.owner)
      expect(await assess(t, id, 'in_progress')).toBe('NS302')
      await t.become(db.acme.member)
      expect(await assess(t, id, 'in_progress')).toBe('ID203')
    }))

  it('is overdue when its deadline is past', () =>
    asOwner(async (t) => {
      const id = await add(t)
      await add(t, 'GDPR', 'EU')
      await t.query(
        `update app_public.regulatory_compliance set next_deadline = now() - interval '1 day' where id = $1`,
        [id],
      )
      expect(await t.query('select id from app_public.overdue_obligations()')).toEqual([{ id }])
    }))

  it('reminds those who look after it once when the deadline is near and once when it is past', () =>
    asOwner(async (t) => {
      const id = await add(t)
      const remind = async (deadline: string): Promise<number> => {
        await t.becomeSuperuser()
        await t.query(
          `update app_public.regulatory_compliance set next_deadline = now() + $2::interval where id = $1`,
          [id, deadline],
        )
        return t.value('select governance.queue_deadline_reminders()')
      }
      // an owner and an admin
      expect(await remind('40 days')).toBe(0)
      expect([await remind('20 days'), await remind('20 days')]).toEqual([2, 0])
      await t.query(`update app_public.regulatory_compliance set reminded_at = now() - interval '2 days'`)
      expect([await remind('-1 day'), await remind('-1 day')]).toEqual([2, 0])
      const [mail] = await t.query(
        `select r.* from app_public.regulatory_compliance o, governance.deadline_reminder(o.tenant_id, o.id, $1, o.next_deadline) r`,
        [db.acme.owner.userId],
      )
      expect(mail).toMatchObject({ email: 'owner@acme.test', message: expect.stringContaining('missed') })
    }))
})

describe('a tenant’s flag', () => {
  it('is true only while the last assessment in every jurisdiction says so and is valid', () =>
    asOwner(async (t) => {
      const answers = [await flag(t)]
      const id = await add(t)
      await assess(t, id, 'in_progress')
      answers.push(await flag(t))
      await assess(t, id, 'compliant', 'report', '2020-01-01T00:00:00Z')
      answers.push(await flag(t))
      await assess(t, id, 'compliant', 'report', '9999-01-01T00:00:00Z')
      answers.push(await flag(t))
      await add(t, 'HIPAA', 'US-CA')
      answers.push(await flag(t))
      expect(answers).toEqual([false, false, false, true, false])
    }))

  it('is not told to another tenant', () =>
    asOwner(async (t) => {
      const id = await add(t)
      await assess(t, id, 'in_progress')
      await assess(t, id, 'compliant')
      expect(await t.value(`select governance.complies($1, 'HIPAA')`, [db.acme.id])).toBe(true)
      await t.become(db.globex.owner)
      expect(await t.value(`select governance.complies($1, 'HIPAA')`, [db.acme.id])).toBe(false)
    }))
})
