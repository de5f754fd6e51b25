// Sends one recipient the result of a run of a report: CSV, a workbook, and a chart where it has the form of one.

import { z } from 'zod'
import { noticeMail } from '../server/mail-notice.ts'
import { type Format, fileOf, type NamedResult } from '../server/reports/files.ts'
import { deliverMail } from '../server/worker/deliver-mail.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = z.strictObject({ tenantId: z.uuid(), runId: z.uuid(), userId: z.uuid() })

const formats: Format[] = ['csv', 'xlsx', 'svg']

export const task: TaskOf<typeof payload> = async ({ tenantId, runId, userId }, helpers) => {
  const { withPgClient } = helpers
  const { rows } = await withPgClient((client) =>
    client.query<NamedResult & { attempt: number; email: string; tenantName: string }>(
      `select attempt, email, tenant_name as "tenantName", name, at, columns, rows from observability.begin_report_mail($1, $2, $3)`,
      [tenantId, runId, userId],
    ),
  )
  const report = rows[0]
  // the mail was already sent, or it is no longer wanted
  if (!report) return

  const files = await Promise.all(formats.map((format) => fileOf(report, format)))
  await deliverMail(
    helpers,
    (appUrl) => ({
      ...noticeMail(appUrl, `${runId}.${userId}`, {
        ...report,
        subject: report.name,
        message: `The report "${report.name}" has ${report.rows.length} rows. They are attached.`,
        setting: 'email',
      }),
      attachments: files.filter((file) => file !== undefined),
    }),
    (error, isLastAttempt) =>
      withPgClient((client) =>
        client.query('select observability.finish_report_mail($1, $2, $3, $4, $5, $6)', [
          tenantId,
          runId,
          userId,
          report.attempt,
          error,
          isLastAttempt,
        ]),
      ),
  )
}
