// Renders a final invoice as HTML and PDF and stores both. Running it again stores the same.

import { loadConfig } from '../server/config.ts'
import { invoiceDocument } from '../server/invoices/document.ts'
import { renderHtml } from '../server/invoices/html.ts'
import { renderPdf } from '../server/invoices/pdf.ts'
import { invoicePayload } from '../server/worker/payload.ts'
import type { TaskOf } from '../server/worker/task.ts'

export const payload = invoicePayload

export const task: TaskOf<typeof payload> = async ({ tenantId, invoiceId }, { withPgClient }) => {
  const { rows } = await withPgClient((client) =>
    client.query<{ document: unknown }>('select billing.invoice_to_render($1, $2) as document', [tenantId, invoiceId]),
  )
  // the invoice was deleted together with its tenant in the meantime
  if (!rows[0]?.document) return
  const document = invoiceDocument.parse(rows[0].document)
  const pdf = await renderPdf(document, loadConfig(process.env).INVOICE_FONT)
  await withPgClient((client) =>
    client.query('select billing.store_invoice_document($1, $2, $3, $4)', [
      tenantId,
      invoiceId,
      renderHtml(document),
      pdf,
    ]),
  )
}
