// Each minute: queues a merge for the tenants whose search index has enough changes, and the building of a vector index
// for the models that have many vectors and none.

import { enqueueMerge } from '../server/worker/enqueue-merge.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '* * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, addJob }) => {
  const { rows: tenants } = await withPgClient((client) =>
    client.query<{ id: string }>('select id from search.tenants_to_merge() as id'),
  )
  for (const { id } of tenants) {
    await withPgClient((client) => enqueueMerge(client, id))
  }
  const { rows: models } = await withPgClient((client) =>
    client.query<{ id: string }>('select id from search.models_to_index() as id'),
  )
  for (const { id } of models) {
    await addJob(
      'search__build_vector_index',
      { modelId: id },
      { jobKey: `search__build_vector_index:${id}`, priority: 20000 },
    )
  }
}
