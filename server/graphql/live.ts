// Subscriptions. A table whose comment has the tag @live and whose changes are announced (sql/01_core/65_announcements.sql)
// gets a field of Subscription, such as taskChanged(id, agentId). Who asks is told of a row by its key alone, and the field
// reads the row as its subscriber: what a policy hides is null. The answer to each change is an execution of its own.

import 'postgraphile'
import type { GraphQLFieldConfigArgumentMap, GraphQLOutputType } from 'graphql'
import type { Pool } from 'pg'
import type { PgCodecWithAttributes, PgResource, PgSelectStep } from 'postgraphile/@dataplan/pg'
import { context, type Step } from 'postgraphile/grafast'
import { gatherConfig } from 'postgraphile/graphile-build'
import { sql } from 'postgraphile/pg-sql2'

declare global {
  namespace GraphileConfig {
    interface Plugins {
      LivePlugin: true
    }
    interface GatherHelpers {
      rowhouseLive: Record<string, never>
    }
  }
  namespace DataplanPg {
    interface PgCodecExtensions {
      /** The changes of its rows are announced, and its subscribers are told. */
      live?: Live
    }
  }
  namespace Grafast {
    interface Context {
      /** Of a subscription, the key of the row that may have changed; null stands for any. */
      changes?: Iterable<string | null>
    }
  }
}

type Table = PgResource<string, PgCodecWithAttributes>

/** A table as announcements name it, and the column by whose value its rows are watched, too. */
type Live = { table: string; about: string | null }
/** What a field of Subscription is about. about is an argument's name. */
export type LiveField = { table: string; about: string | undefined }

export function createLivePlugin(pool: Pool): GraphileConfig.Plugin {
  let announced: Promise<Map<string, Live>> | undefined
  return {
    name: 'LivePlugin',
    version: '1.0.0',
    description: 'Adds a subscription for each table that is live',
    gather: gatherConfig({
      namespace: 'rowhouseLive',
      hooks: {
        async pgTables_PgResourceOptions(_info, { pgClass, resourceOptions: { codec } }) {
          if (codec.extensions?.tags?.live === undefined) return
          announced ??= announcedTables(pool)
          const live = (await announced).get(`${pgClass.getNamespace()?.nspname}.${pgClass.relname}`)
          if (!live) throw new Error(`${pgClass.relname} has the tag @live, but its changes are not announced.`)
          codec.extensions = { ...codec.extensions, live }
        },
      },
    }),
    schema: {
      hooks: {
        GraphQLObjectType_fields(fields, build, { scope, fieldWithHooks }) {
          if (!scope.isRootSubscription) return fields
          const resources = Object.values(build.input.pgRegistry.pgResources) as Table[]
          const live = resources.filter(({ codec, parameters }) => !parameters && codec.extensions?.live)
          return build.extend(
            fields,
            Object.fromEntries(
              live.map((resource) => {
                const fieldName = `${build.inflection.camelCase(build.inflection.tableType(resource.codec))}Changed`
                return [fieldName, fieldWithHooks({ fieldName }, () => fieldOf(build, resource))]
              }),
            ),
            'Adding the subscriptions',
          )
        },
      },
    },
  }
}

async function announcedTables(pool: Pool): Promise<Map<string, Live>> {
  const { rows } = await pool.query<Live & { name: string }>(
    `select schema_name || '.' || name as name, announced_as as "table", about from core.announcements()`,
  )
  return new Map(rows.map(({ name, ...live }) => [name, live]))
}

function fieldOf(build: GraphileBuild.Build, resource: Table) {
  const { table, about } = (resource.codec.extensions as { live: Live }).live
  const type = build.getGraphQLTypeByPgCodec(resource.codec, 'output') as GraphQLOutputType & { name: string }
  const argumentOf = (column: string, description: string): GraphQLFieldConfigArgumentMap => ({
    [build.inflection.attribute({ codec: resource.codec, attributeName: column })]: {
      type: build.getGraphQLTypeByPgCodec(resource.codec.attributes[column]?.codec as never, 'input') as never,
      description,
    },
  })
  const args = {
    ...argumentOf('id', 'Only this row. The first answer is the row as it is now.'),
    ...(about ? argumentOf(about, 'Only rows that have this value.') : {}),
  }
  const aboutArgument = Object.keys(args)[1]
  return {
    description: `Sends a \`${type.name}\` each time that one is new or has changed, as you may see it. null means that there is something to read again: the stream has begun, a row that was sent is gone, or changes were missed.`,
    type,
    args,
    extensions: { rowhouseLive: { table, about: aboutArgument } satisfies LiveField },
    subscribePlan: () => context().get('changes') as never,
    plan: ($key: Step, given: { getRaw: (name: string) => Step }) => {
      const $row = resource.find({ id: $key as never })
      if (about && aboutArgument) whereAbout($row, about, given.getRaw(aboutArgument))
      return $row.single()
    },
  }
}

/** An argument that was left out is null, and leaves every row. */
function whereAbout($rows: PgSelectStep, column: string, $value: Step): void {
  const value = $rows.placeholder($value, ($rows.resource as Table).codec.attributes[column]?.codec as never)
  $rows.where(sql`(${value} is null or ${$rows.alias}.${sql.identifier(column)} = ${value})`)
}
