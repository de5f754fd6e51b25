// Tells one person by mail that a webhook endpoint was disabled.

import { z } from 'zod'
import { noticeMail } from '../server/mail-notice.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), endpointId: z.uuid(), userId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, endpointId, userId }, helpers) => {
  const { rows } = await helpers.withPgClient((client) =>
    client.query<{ email: string; tenantName: string; message: string; disabledAt: Date }>(
      `select email, tenant_name as "tenantName", message, disabled_at as "disabledAt" from webhooks.alert_mail($1, $2, $3)`,
      [tenantId, endpointId, userId],
    ),
  )
  const alert = rows[0]
  if (!alert) return
  await deliverMail(
    helpers,
    (appUrl) =>
      noticeMail(appUrl, `${endpointId}-${userId}-${alert.disabledAt.getTime()}`, {
        ...alert,
        subject: 'A webhook endpoint was disabled',
        setting: 'email',
      }),
    async () => {},
  )
}
