// Tags on anything, a tree of categories, libraries of pictures.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { create, kindNames } from './helpers.ts'

const db = useDatabase()
const assign = 'insert into app_public.tag_assignments (item_type, item_id, tag_id) values ($1, $2, $3)'

describe('a tag', () => {
  it('can be put on each kind of thing, by who may edit it, and taken off', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const tag = await t.value(
        `insert into app_public.tags (name, slug, color) values ('New', 'new', '#ff8800') returning id`,
      )
      for (const kind of kindNames) {
        const id = await create(t, db.acme.member, kind)
        await t.become(db.acme.viewer)
        expect(await t.errorCode(assign, [kind, id, tag])).toBe('42501')
        await t.become(db.acme.member)
        await t.query(assign, [kind, id, tag])
        expect(await t.errorCode(assign, [kind, id, tag])).toBe('23505')
        await t.query('delete from app_public.tag_assignments where item_id = $1', [id])
        await t.query(assign, [kind, id, tag])
      }
      expect(await t.value('select count(*)::int from app_public.tag_assignments')).toBe(5)
    }))

  it('goes on nothing that one does not see', () =>
    db.inTransaction(async (t) => {
      const foreign = await create(t, db.globex.member, 'tool')
      const deleted = await create(t, db.acme.admin, 'tool')
      await t.query('select app_public.delete_tool($1)', [deleted])
      const agent = await create(t, db.acme.admin, 'agent')
      const tag = await t.value(`insert into app_public.tags (name, slug) values ('New', 'new') returning id`)
      for (const id of [foreign, deleted, crypto.randomUUID(), agent])
        expect(await t.errorCode(assign, ['tool', id, tag])).toBe('RS301')
      await t.become(db.globex.member)
      expect(await t.errorCode(assign, ['tool', foreign, tag])).toBe('23503')
    }))

  it('of tools is also in tool_tags and tool_tag_assignments', () =>
    db.inTransaction(async (t) => {
      const tool = await create(t, db.acme.member, 'tool')
      const agent = await create(t, db.acme.member, 'agent')
      const tag = await t.value(`insert into app_public.tags (name, slug) values ('New', 'new') returning id`)
      const other = await t.value(`insert into app_public.tags (name, slug) values ('Old', 'old') returning id`)
      await t.query(assign, ['tool', tool, tag])
      await t.query(assign, ['agent', agent, other])
      expect(await t.query('select slug, tool_count::int from app_public.tool_tags')).toEqual([
        { slug: 'new', tool_count: 1 },
      ])
      expect(await t.query('select tool_id, tag_id from app_public.tool_tag_assignments')).toEqual([
        { tool_id: tool, tag_id: tag },
      ])
      await t.become(db.globex.owner)
      expect(await t.query('select * from app_public.tool_tags')).toEqual([])
    }))

  it.each([['#FF0000'], ['#ff00'], ['Red!']])('has a colour that is one, not %s', (color) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(`insert into app_public.tags (name, slug, color) values ('x', 'x', $1)`, [color])).toBe(
        '23514',
      )
    }),
  )
})

describe('categories', () => {
  const insert = 'insert into app_public.tool_categories (name, slug, parent_id) values ($1, $1, $2) returning id'

  const tree = async (t: Transaction): Promise<{ root: string; leaf: string }> => {
    await t.become(db.acme.admin)
    const root = await t.value<string>(insert, ['search', null])
    return { root, leaf: await t.value<string>(insert, ['literature', root]) }
  }

  it('are a tree with paths, which follow a rename', () =>
    db.inTransaction(async (t) => {
      const { root } = await tree(t)
      const path = () =>
        t.query(`select app_public.tool_categories_path(c) as path, app_public.tool_categories_level(c) as level
                   from app_public.tool_categories c order by 1`)
      expect(await path()).toEqual([
        { path: 'search', level: 0 },
        { path: 'search/literature', level: 1 },
      ])
      await t.query(`update app_public.tool_categories set slug = 'find' where id = $1`, [root])
      expect(await path()).toMatchObject([{ path: 'find' }, { path: 'find/literature' }])
    }))

  it('have a name once below one parent', () =>
    db.inTransaction(async (t) => {
      const { root } = await tree(t)
      expect(await t.errorCode(insert, ['literature', root])).toBe('23505')
    }))

  it('stay while there is one below', () =>
    db.inTransaction(async (t) => {
      const { root } = await tree(t)
      expect(await t.errorCode('delete from app_public.tool_categories where id = $1', [root])).toBe('23503')
    }))

  it('leave their tools when they go', () =>
    db.inTransaction(async (t) => {
      const { leaf } = await tree(t)
      const tool = await create(t, db.acme.admin, 'tool', { tool_category_id: leaf })
      await t.query('delete from app_public.tool_categories where id = $1', [leaf])
      expect(await t.value('select tool_category_id from app_public.tools where id = $1', [tool])).toBeNull()
    }))

  it('never go round in a circle, nor deeper than 20', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.admin)
      const ids: unknown[] = []
      for (let i = 0; i < 21; i += 1) ids.push(await t.value(insert, [`c${i}`, ids.at(-1) ?? null]))
      expect(await t.errorCode(insert, ['c21', ids.at(-1)])).toBe('RS435')
      const move = 'update app_public.tool_categories set parent_id = $1 where id = $2'
      expect(await t.errorCode(move, [ids[2], ids[0]])).toBe('RS435')
      expect(['RS435', '23514']).toContain(await t.errorCode(move, [ids[0], ids[0]]))
      await t.query(move, [null, ids[1]])
      await t.become(db.globex.admin)
      expect(await t.errorCode(insert, ['mine', ids[0]])).toBe('23503')
    }))
})

describe('pictures', () => {
  it.each(['avatars', 'icons'])('%s are a library of the tenant, written by members and read by all of them', (table) =>
    db.inTransaction(async (t) => {
      const insert = `insert into app_public.${table} (name, image_url, category) values ($1, $2, 'people') returning id`
      await t.become(db.acme.member)
      await t.query(insert, ['Owl', 'https://example.com/@owl.png'])
      await t.query(insert, ['Fox', 'data:image/png;base64,aGk='])
      for (const url of [
        'javascript:alert(1)',
        '//example.com/x',
        'data:text/html;base64,aGk=',
        'https://u:p@example.com/',
      ])
        expect(await t.errorCode(insert, [url, url])).toBe('23514')
      await t.become(db.acme.viewer)
      expect(await t.value(`select count(*)::int from app_public.${table}`)).toBe(2)
      expect(await t.errorCode(insert, ['Cat', '/cat.png'])).toBe('42501')
    }),
  )
})
