// The mail of an invitation, as text and as HTML. Names and the inviter's word are someone's input: everything is escaped.

import { escapeHtml, type Mail } from './mail.ts'

export type Invitation = {
  email: string
  token: string
  tenantName: string
  inviterName: string | null
  role: string
  message: string | null
  expiresAt: Date
}

/** The token is in the link's fragment: browsers send that to no server, so it is in nobody's log. */
const linkOf = (appUrl: string, token: string): string => `${appUrl}/invitation#token=${token}`

export function invitationMail(appUrl: string, invitation: Invitation, mailId: string): Mail {
  const { tenantName, inviterName, role, message } = invitation
  const link = linkOf(appUrl, invitation.token)
  const until = `${invitation.expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  const article = /^[aeiou]/.test(role) ? 'an' : 'a'
  const lead = `${inviterName ?? 'An administrator'} invites you to join ${tenantName} as ${article} ${role}.`
  const notice = `The link works once, for ${invitation.email} alone, until ${until}. If you did not expect this mail, there is nothing you need to do.`
  return {
    to: invitation.email,
    subject: `Invitation to ${tenantName}`,
    messageId: `<invitation-${mailId}@${new URL(appUrl).hostname}>`,
    text: [lead, ...(message ? [message.replace(/^/gm, '> ')] : []), `Accept it here:\n${link}`, notice].join('\n\n'),
    html: `<!doctype html>
<html lang="en">
<body style="margin: 0; padding: 24px; font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c">
<p>${escapeHtml(lead)}</p>
${message ? `<blockquote style="margin: 0 0 16px; padding-left: 12px; border-left: 3px solid #ccc; white-space: pre-line">${escapeHtml(message)}</blockquote>\n` : ''}<p><a href="${escapeHtml(link)}" style="display: inline-block; padding: 10px 18px; border-radius: 6px; background: #1f5f8b; color: #fff; text-decoration: none">Accept the invitation</a></p>
<p style="color: #555; font-size: 14px">${escapeHtml(notice)}</p>
</body>
</html>
`,
  }
}
