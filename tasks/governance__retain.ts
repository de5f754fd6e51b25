// Each night, and when a tenant asks for it: deletes what is older than it is kept, a batch a transaction, for as long as there is some.

import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '23 3 * * *'

export const task: TaskOf<typeof payload> = async ({ _cron: isNightly }, { withPgClient }) => {
  const ask = async (text: string): Promise<boolean> =>
    (await withPgClient((client) => client.query<{ more: boolean }>(text))).rows[0]?.more ?? false
  if (isNightly) await ask('select governance.begin_all_retention() > 0 as more')
  while (await ask('select governance.continue_retention() as more'));
  if (isNightly)
    await ask(
      'select governance.drop_empty_months() + governance.expire_exports() + governance.delete_old_tombstones() > 0 as more',
    )
}
