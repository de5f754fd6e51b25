// What a person makes of the catalogue: a list of agents of one's own, favorites, ratings and votes.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { startTestServer, type TestServer } from '../helpers/server.ts'

const db = useDatabase()

/** An agent of acme, made by its owner; the transaction then goes on as the person. */
async function agentFor(t: Transaction, person: Person, name = 'writer'): Promise<string> {
  await t.become(db.acme.owner)
  const agent = await t.value<string>(`insert into app_public.agents (name) values ($1) returning id`, [name])
  await t.become(person)
  return agent
}
const add = `insert into app_public.user_agents (agent_id, folder) values ($1, $2)`
const favorite = `select app_public.add_favorite($1, $2, $3)`
const rate = `select (app_public.rate_resource($1, $2, $3, $4)).id`

describe('my list of agents', () => {
  it('has each agent once, in folders, pinned, with a name, look and prompt of my own', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.viewer)
      await t.query(add, [agent, 'Drafts'])
      expect(await t.errorCode(add, [agent, 'Other'])).toBe('23505')
      await t.query(`update app_public.user_agents set is_pinned = true, custom_name = 'My writer', custom_color = '#aabbcc',
        custom_system_prompt = 'In verse.', tags = '{daily}', settings = '{"voice": "low"}'`)
      expect(
        await t.query(
          `select agent_id, folder, is_pinned, custom_name, usage_count, is_user_copy from app_public.user_agents`,
        ),
      ).toEqual([
        {
          agent_id: agent,
          folder: 'Drafts',
          is_pinned: true,
          custom_name: 'My writer',
          usage_count: '0',
          is_user_copy: false,
        },
      ])
    }))

  it('is nobody else’s to see or change, not the owner’s either', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      await t.query(add, [agent, 'Private'])
      await t.query(favorite, ['agent', agent, 'mine'])
      await t.become(db.acme.owner)
      expect(
        await t.query(`select 1 from app_public.user_agents union all select 1 from app_public.user_favorites`),
      ).toEqual([])
      expect(await t.query(`update app_public.user_agents set folder = 'Seen' returning 1`)).toEqual([])
      expect(await t.query(`delete from app_public.user_agents returning 1`)).toEqual([])
    }))

  it('holds what I see: an agent of another tenant and one that is not there are the same error', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.globex.member)
      expect(await t.errorCode(add, [agent, null])).toBe('RS301')
      expect(await t.errorCode(add, [crypto.randomUUID(), null])).toBe('RS301')
      expect(await t.errorCode(favorite, ['agent', agent, null])).toBe('RS301')
      expect(await t.errorCode(rate, ['agent', agent, 5, null])).toBe('RS301')
    }))

  it('has counters that only the log moves', () =>
    db.inTransaction(async (t) => {
      await t.query(add, [await agentFor(t, db.acme.member), null])
      for (const column of ['usage_count', 'message_count', 'is_favorite', 'last_used_at', 'user_id'])
        expect([column, await t.errorCode(`update app_public.user_agents set ${column} = default`)]).toEqual([
          column,
          '42501',
        ])
    }))

  /** Three agents on the list of the member. */
  const addThree = async (t: Transaction): Promise<string[]> => {
    const agents: string[] = []
    for (const name of ['a', 'b', 'c']) agents.push(await agentFor(t, db.acme.member, name))
    for (const agent of agents) await t.query(add, [agent, null])
    return agents
  }

  it('is put into an order at once', () =>
    db.inTransaction(async (t) => {
      const [a, b, c] = await addThree(t)
      const ordered = await t.query(`select agent_id from app_public.order_my_agents($1)`, [[c, a]])
      expect(ordered.map(({ agent_id }) => agent_id)).toEqual([c, a, b])
      expect(await t.value(`select agent_id from app_public.user_agents order by sort_order limit 1`)).toBe(c)
    }))

  it('is not reordered by an unknown or a repeated agent', () =>
    db.inTransaction(async (t) => {
      const [a, , c] = await addThree(t)
      const order = `select count(*) from app_public.order_my_agents($1)`
      await t.query(order, [[c, a]])
      expect(await t.errorCode(order, [[a, a]])).toBe('RS453')
      expect(await t.errorCode(order, [[a, crypto.randomUUID()]])).toBe('RS453')
      expect(await t.value(`select agent_id from app_public.user_agents order by sort_order limit 1`)).toBe(c)
    }))

  const fillFolders = async (t: Transaction): Promise<void> => {
    for (const [name, folder] of [
      ['a', 'Work'],
      ['b', 'Work'],
      ['c', 'Home'],
    ] as const)
      await t.query(add, [await agentFor(t, db.acme.member, name), folder])
  }

  it('tells its folders', () =>
    db.inTransaction(async (t) => {
      await fillFolders(t)
      expect(await t.query(`select * from app_public.my_agent_folders()`)).toEqual([
        { folder: 'Home', agent_count: 1 },
        { folder: 'Work', agent_count: 2 },
      ])
    }))

  it('has a folder renamed or emptied at once', () =>
    db.inTransaction(async (t) => {
      await fillFolders(t)
      expect(await t.value(`select app_public.rename_my_agent_folder('Work', 'Office')`)).toBe(2)
      expect(await t.value(`select app_public.rename_my_agent_folder('Home')`)).toBe(1)
      expect(await t.query(`select folder from app_public.my_agent_folders()`)).toEqual([{ folder: 'Office' }])
    }))

  it('has no folder renamed that is not there, nor to nothing', () =>
    db.inTransaction(async (t) => {
      await fillFolders(t)
      expect(await t.errorCode(`select app_public.rename_my_agent_folder('Nowhere', 'x')`)).toBe('RS354')
      expect(await t.errorCode(`select app_public.rename_my_agent_folder('Work', '')`)).toBe('23514')
    }))
})

describe('favorites', () => {
  it('are marked twice without harm', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      await t.query(favorite, ['agent', agent, 'for mornings'])
      await t.query(favorite, ['agent', agent, null])
      expect(await t.query(`select notes from app_public.user_favorites where item_id = $1`, [agent])).toEqual([
        { notes: 'for mornings' },
      ])
    }))

  it('are known to the list of agents, whichever comes first', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      const other = await agentFor(t, db.acme.member, 'other')
      await t.query(favorite, ['agent', agent, null])
      await t.query(add, [agent, null])
      await t.query(add, [other, null])
      await t.query(favorite, ['agent', other, null])
      expect(await t.value(`select array_agg(is_favorite) from app_public.user_agents`)).toEqual([true, true])
    }))

  it('are unmarked twice without harm, and the list of agents knows', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      await t.query(favorite, ['agent', agent, null])
      await t.query(add, [agent, null])
      const unfavorite = `select app_public.remove_favorite('agent', $1)`
      expect([await t.value(unfavorite, [agent]), await t.value(unfavorite, [agent])]).toEqual([true, false])
      expect(await t.value(`select is_favorite from app_public.user_agents where agent_id = $1`, [agent])).toBe(false)
    }))

  it('that were deleted are not listed, and are again when they are restored', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.admin)
      await t.query(favorite, ['agent', agent, null])
      const count = `select count(*)::int from app_public.user_favorites`
      await t.query(`select app_public.delete_agent($1)`, [agent])
      expect(await t.value(count)).toBe(0)
      await t.query(`select app_public.restore_agent($1)`, [agent])
      expect(await t.value(count)).toBe(1)
    }))
})

describe('ratings', () => {
  const shown = (t: Transaction, agent: string): Promise<unknown> =>
    t.query(`select rating, feedback_count from app_public.agents where id = $1`, [agent])

  it('are one a person and item', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      await t.query(rate, ['agent', agent, 2, 'Slow.'])
      await t.query(rate, ['agent', agent, 4, 'Better now.'])
      expect(await shown(t, agent)).toEqual([{ rating: '4.00', feedback_count: 1 }])
    }))

  it('are shown by the item: their mean and number', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      await t.query(rate, ['agent', agent, 4, 'Better now.'])
      await t.become(db.acme.viewer)
      await t.query(rate, ['agent', agent, 5, null])
      expect(await shown(t, agent)).toEqual([{ rating: '4.50', feedback_count: 2 }])
      expect(await t.value(`select app_public.withdraw_rating('agent', $1)`, [agent])).toBe(true)
      expect(await shown(t, agent)).toEqual([{ rating: '4.00', feedback_count: 1 }])
    }))

  it('are 1 to 5', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      for (const stars of [0, 6, -1]) expect(await t.errorCode(rate, ['agent', agent, stars, null])).toBe('23514')
      expect(await t.errorCode(rate, ['agent', agent, null, null])).toBe('23502')
    }))

  it('are half of the performance score, beside the success rate of the log', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      const score = (): Promise<unknown> =>
        t.value(`select performance_score from app_public.agents where id = $1`, [agent])
      expect(await score()).toBeNull()
      await t.query(rate, ['agent', agent, 4, null])
      expect(await score()).toBe('75.00')
      await t.becomeSuperuser()
      await t.query(`update app_public.agents set success_rate = 90 where id = $1`, [agent])
      expect(await score()).toBe('82.50')
    }))

  it('of what one made oneself are refused, and nobody rates for another', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.owner)
      expect(await t.errorCode(rate, ['agent', agent, 5, null])).toBe('RS454')
      expect(
        await t.errorCode(
          `insert into app_public.user_ratings (user_id, item_type, item_id, rating) values ($1, 'agent', $2, 5)`,
          [db.acme.member.userId, agent],
        ),
      ).toBe('42501')
    }))

  it('are found helpful once by each member but their author', () =>
    db.inTransaction(async (t) => {
      const agent = await agentFor(t, db.acme.member)
      const rating = await t.value(rate, ['agent', agent, 3, 'Fair.'])
      const vote = `select (app_public.vote_rating_helpful($1)).helpful_count`
      expect(await t.errorCode(vote, [rating])).toBe('RS455')
      await t.become(db.acme.viewer)
      expect([await t.value(vote, [rating]), await t.value(vote, [rating])]).toEqual([1, 1])
      await t.become(db.acme.admin)
      expect(await t.value(vote, [rating])).toBe(2)
      expect(await t.value(`select (app_public.withdraw_rating_vote($1)).helpful_count`, [rating])).toBe(1)
      expect(await t.errorCode(vote, [crypto.randomUUID()])).toBe('RS355')
      await t.become(db.globex.owner)
      expect(await t.errorCode(vote, [rating])).toBe('RS355')
      expect(await t.value(`select count(*)::int from app_public.user_ratings`)).toBe(0)
    }))
})

describe('over GraphQL', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await startTestServer(db.url)
  })
  afterAll(() => server?.close())
  const ask = async (person: string, query: string): Promise<Record<string, unknown>> => {
    const { data, errors } = await server.ask(person, query)
    expect(errors).toBeUndefined()
    return data as Record<string, unknown>
  }

  it('an agent is listed, filed, marked and rated', async () => {
    const { createAgent } = await ask(
      'owner@acme.test',
      'mutation { createAgent(input: { agent: { name: "personal" } }) { agent { id } } }',
    )
    const { id } = (createAgent as { agent: { id: string } }).agent
    await ask(
      'member@acme.test',
      `mutation {
        createUserAgent(input: { userAgent: { agentId: "${id}", folder: "Daily" } }) { userAgent { agentId } }
        addFavorite(input: { itemType: agent, itemId: "${id}" }) { userFavorite { itemId } }
        rateResource(input: { itemType: agent, itemId: "${id}", rating: 5, review: "Good." }) { userRating { rating } }
      }`,
    )
    expect(
      await ask(
        'member@acme.test',
        '{ userAgents { nodes { folder isFavorite agent { name rating feedbackCount } } } }',
      ),
    ).toEqual({
      userAgents: {
        nodes: [{ folder: 'Daily', isFavorite: true, agent: { name: 'personal', rating: '5.00', feedbackCount: 1 } }],
      },
    })
  })
})
