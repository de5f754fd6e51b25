// The mail of a notice, such as an invoice or an alert, as text and as HTML. Names are someone's input: everything is escaped.

import { escapeHtml, type Mail } from './mail.ts'

export type Notice = {
  email: string
  tenantName: string
  subject: string
  message: string
  setting: 'billing' | 'quotas' | 'email'
}

export function noticeMail(appUrl: string, mailId: string, notice: Notice): Mail {
  const { tenantName, subject, message, setting } = notice
  const footer = `You get this mail because you look after ${tenantName}. The setting "${setting}" of your notifications turns mails like it off.`
  return {
    to: notice.email,
    subject: `${tenantName}: ${subject}`,
    messageId: `<notice-${mailId}@${new URL(appUrl).hostname}>`,
    text: [`${tenantName}: ${message}`, appUrl, footer].join('\n\n'),
    html: `<!doctype html>
<html lang="en">
<body style="margin: 0; padding: 24px; font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c">
<h1 style="margin: 0 0 16px; font-size: 18px">${escapeHtml(tenantName)}</h1>
<p>${escapeHtml(message)}</p>
<p><a href="${escapeHtml(appUrl)}" style="color: #1f5f8b">${escapeHtml(appUrl)}</a></p>
<p style="color: #555; font-size: 14px">${escapeHtml(footer)}</p>
</body>
</html>
`,
  }
}
