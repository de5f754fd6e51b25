// Sends one person the mail about one deadline of an obligation. When it runs again after a worker died, it sends the same mail
// under the same Message-ID.

import { z } from 'zod'
import { type Notice, noticeMail } from '../server/mail-notice.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({
  tenantId: z.uuid(),
  obligationId: z.uuid(),
  userId: z.uuid(),
  deadline: z.string().max(50),
})

export const task: TaskOf<typeof payload> = async ({ tenantId, obligationId, userId, deadline }, helpers) => {
  const { rows } = await helpers.withPgClient((client) =>
    client.query<Omit<Notice, 'setting'>>(
      `select email, tenant_name as "tenantName", subject, message from governance.deadline_reminder($1, $2, $3, $4)`,
      [tenantId, obligationId, userId, deadline],
    ),
  )
  const reminder = rows[0]
  // the deadline has moved, or the mail is no longer wanted
  if (!reminder) return
  await deliverMail(
    helpers,
    (appUrl) =>
      noticeMail(appUrl, `${obligationId}-${userId}-${Date.parse(deadline)}`, { ...reminder, setting: 'email' }),
    async () => {},
  )
}
