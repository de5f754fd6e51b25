// A closed list in the database is a domain over text whose check names the values. The API shows such a domain as an enum,
// for columns, arguments and fields alike, so that autocompletion knows the values and nothing else gets in.

import 'postgraphile'
import type { Pool } from 'pg'
import { enumCodec } from 'postgraphile/@dataplan/pg'
import { gatherConfig } from 'postgraphile/graphile-build'
import { sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      ClosedListsPlugin: true
    }
  }
  namespace DataplanPg {
    interface PgCodecExtensions {
      /** A closed list: an enum to the API, and text to PostgreSQL. */
      isText?: true
    }
  }
}

type ClosedList = { schema: string; name: string; values: string[] }

/** Checks as PostgreSQL prints them: CHECK ((VALUE = ANY (ARRAY['a'::text, 'b'::text]))). */
async function closedLists(pool: Pool): Promise<Map<string, ClosedList>> {
  const { rows } = await pool.query<ClosedList>(`
    select n.nspname as schema, t.typname as name,
           array(select m[1] from regexp_matches(pg_get_constraintdef(c.oid), '''((?:[^'']|'''')*)''::text', 'g') as m) as values
      from pg_catalog.pg_constraint c
      join pg_catalog.pg_type t on t.oid = c.contypid and t.typtype = 'd' and t.typbasetype = 'text'::regtype
      join pg_catalog.pg_namespace n on n.oid = t.typnamespace
     where pg_get_constraintdef(c.oid) ~ '^CHECK \\(\\(VALUE = ANY \\(ARRAY\\['`)
  return new Map(rows.map((list) => [`${list.schema}.${list.name}`, list]))
}

export function createClosedListsPlugin(pool: Pool): GraphileConfig.Plugin {
  let lists: Promise<Map<string, ClosedList>> | undefined
  return {
    name: 'ClosedListsPlugin',
    version: '1.0.0',
    before: ['PgCodecsPlugin'],
    gather: gatherConfig({
      hooks: {
        async pgCodecs_findPgCodec(info, event) {
          const { pgType, serviceName } = event
          if (event.pgCodec || pgType.typtype !== 'd') return
          lists ??= closedLists(pool)
          const schema = pgType.getNamespace()?.nspname ?? ''
          const list = (await lists).get(`${schema}.${pgType.typname}`)
          if (!list) return
          const { tags, description } = pgType.getTagsAndDescription()
          event.pgCodec = enumCodec({
            name: info.inflection.typeCodecName({ pgType, serviceName }),
            identifier: sql.identifier(schema, list.name),
            values: list.values,
            ...(description ? { description } : {}),
            extensions: {
              oid: pgType._id,
              pg: { serviceName, schemaName: schema, name: list.name },
              tags,
              isText: true,
            } as never,
          }) as never
        },
      },
    }),
  }
}
