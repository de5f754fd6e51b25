// An address that people can write is shown as a link or a picture, so no column takes javascript: and its kind.

import { describe, expect, it } from 'vitest'
import { useDatabase } from '../helpers/index.ts'

const db = useDatabase()

const hostile = [
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  ' javascript:alert(1)',
  'java\nscript:alert(1)',
  'https://a.test/\njavascript:alert(1)',
  'vbscript:x',
  'data:text/html;base64,PHNjcmlwdD4=',
  'data:text/html,<script>',
  'file:///etc/passwd',
  'blob:https://a.test/1',
  '//evil.test/x',
  '/\\evil.test/x',
  'https://user:password@a.test',
  '',
]

describe('every column for an address', () => {
  it('is checked by core.is_web_url or core.is_image_url', async () => {
    const { rows } = await db.pool.query(`
      select c.oid::regclass || '.' || a.attname as name
        from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
       where c.relnamespace in (select core.schemas()) and a.attnum > 0 and not a.attisdropped and a.atttypid = 'text'::regtype
         and a.attname ~ '(^|_)(url|uri|href|link|website|homepage)$'
         and not exists (
           select from pg_constraint k
            where k.conrelid = c.oid and k.contype = 'c' and k.conkey = array[a.attnum] and k.convalidated
              and pg_get_constraintdef(k.oid) ~ '^CHECK \\(+core\\.is_(web|image)_url\\([a-z_]+\\)(\\)| AND )')`)
    expect(rows).toEqual([])
  })

  it.each(hostile)('refuses %j', (text) =>
    db.inTransaction(async (t) => {
      expect(await t.query('select core.is_web_url($1) as link, core.is_image_url($1) as picture', [text])).toEqual([
        { link: false, picture: false },
      ])
    }),
  )

  it.each(['https://a.test', 'http://a.test:8080/x?y=1#z', 'https://bücher.test/ä'])('takes %j', (text) =>
    db.inTransaction(async (t) => {
      expect(await t.value('select core.is_web_url($1)', [text])).toBe(true)
    }),
  )

  it('refuses them from a member', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      for (const statement of [
        `insert into app_public.agents (name, avatar_url) values ('x', 'javascript:alert(1)')`,
        `insert into app_public.rag_knowledge_sources (name, source_url) values ('x', 'javascript:alert(1)')`,
        `update app_public.user_profiles set avatar_url = 'javascript:alert(1)' where id = core.current_user_id()`,
      ])
        expect([statement, await t.errorCode(statement)]).toEqual([statement, '23514'])
    }))
})
