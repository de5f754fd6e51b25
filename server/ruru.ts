// Ruru, the GraphQL editor, at / in development: with the development token of a demo tenant filled in, so that the
// first query works. Only whoever sits at this machine gets the token.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { ruruHTML } from 'ruru/server'
import { getStaticFile } from 'ruru/static'
import { isLocal } from './http-basics.ts'

const staticPath = '/ruru-static/'
const firstQuery = `# Rowhouse: try it with the play button.
{
  search(query: "vacation days", first: 3) {
    nodes { rank score title snippet }
  }
}
`

export function createRuru(token: string | undefined) {
  const page = (headers: object): string =>
    ruruHTML({
      staticPath,
      endpoint: '/graphql',
      subscriptions: false,
      clientConfig: { initialQuery: firstQuery, initialHeaders: JSON.stringify(headers, null, 2) } as never,
    })
  const pages = { local: page(token ? { authorization: `Bearer ${token}` } : {}), remote: page({}) }
  return async (request: IncomingMessage, response: ServerResponse): Promise<boolean> => {
    const path = (request.url ?? '/').split('?', 1)[0] as string
    if (request.method !== 'GET') return false
    if (path === '/') {
      response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
        .end(isLocal(request) ? pages.local : pages.remote)
      return true
    }
    if (!path.startsWith(staticPath)) return false
    const file = await getStaticFile({ staticPath, urlPath: path, acceptEncoding: request.headers['accept-encoding'] })
    if (!file) return false
    response.writeHead(200, file.headers).end(file.content)
    return true
  }
}
