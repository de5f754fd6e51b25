// Sends one person the mail about one approval. When it runs again after a worker died, it sends the same mail under the same
// Message-ID.

import { z } from 'zod'
import { type Notice, noticeMail } from '../server/mail-notice.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), approvalId: z.uuid(), userId: z.uuid() })

export const task: TaskOf<typeof payload> = async ({ tenantId, approvalId, userId }, helpers) => {
  const { rows } = await helpers.withPgClient((client) =>
    client.query<Omit<Notice, 'setting'>>(
      `select email, tenant_name as "tenantName", subject, message from runtime.approval_mail($1, $2, $3)`,
      [tenantId, approvalId, userId],
    ),
  )
  const request = rows[0]
  // it has its answer, or the mail is no longer wanted
  if (!request) return
  await deliverMail(
    helpers,
    (appUrl) => noticeMail(appUrl, `${approvalId}-${userId}`, { ...request, setting: 'email' }),
    async () => {},
  )
}
