// Each hour: wraps by the current master key the data keys that an older one wraps. When nothing was rotated, that is nothing.

import { rewrapDataKeys, workerKeyRing } from '../server/secrets.ts'
import { noPayload, type TaskOf } from '../server/worker/task.ts'

export const payload = noPayload
export const cron = '41 * * * *'

export const task: TaskOf<typeof payload> = async (_payload, { withPgClient, logger }) => {
  const keyRing = await workerKeyRing()
  // without a key nothing was ever stored
  if (!keyRing) return
  const count = await withPgClient((client) =>
    rewrapDataKeys(keyRing, client, (rewrapped) => logger.info(`${rewrapped} data keys are re-wrapped`)),
  )
  if (count > 0) logger.info(`All data keys are wrapped by the master key ${keyRing.currentId}`)
}
