// A message about an alert as Slack's incoming webhooks want it, which Mattermost, Rocket.Chat and others understand as well.

export type AlertMessage = {
  tenantName: string
  subject: string
  message: string
  severity: 'info' | 'warning' | 'critical'
  state: string
}

const colors = { info: '#1f5f8b', warning: '#d98c00', critical: '#c0392b' }
const resolvedColor = '#2e7d32'

/** Slack's own rule: these three, and nothing else, so that no name becomes a link or calls a whole channel. */
const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

export function slackMessage({ tenantName, subject, message, severity, state }: AlertMessage, appUrl: string): string {
  return JSON.stringify({
    text: escapeSlack(`${tenantName}: ${subject}`),
    attachments: [
      {
        color: state === 'resolved' ? resolvedColor : colors[severity],
        text: escapeSlack(message),
        fallback: escapeSlack(message),
        footer: escapeSlack(appUrl),
      },
    ],
  })
}
