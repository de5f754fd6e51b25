// The tenants and people around a resource of acme, and one resource of each kind. Everything is made in the transaction
// of the test, by the superuser.

import type { Person, TestDatabase, Transaction } from '../helpers/index.ts'

export const kinds = {
  agent: 'agents',
  tool: 'tools',
  prompt: 'prompts',
  workflow: 'workflows',
  knowledge_source: 'rag_knowledge_sources',
} as const
export type Kind = keyof typeof kinds
export const kindNames = Object.keys(kinds) as Kind[]

/** Who asks: a person in a tenant, as one of the two roles, or nobody at all. */
export type Actor = { person?: Person; role?: 'rowhouse_admin' }
export type World = {
  /** Tenants by name. */
  tenants: Record<string, string>
  /** Who asks, by their relation to a resource of acme. */
  relations: Record<string, Actor>
  workspaceId: string
}

/**
 * above → acme → child → grandchild, and a sibling under above. Whole tenants granted, one person of `one`, one workspace
 * of `team`; `stranger` has nothing to do with acme.
 */
export async function createWorld(db: TestDatabase, t: Transaction): Promise<World> {
  await t.becomeSuperuser()
  const tenants: Record<string, string> = { acme: db.acme.id }
  const parents: Record<string, string> = { child: 'acme', grandchild: 'child', sibling: 'above' }
  for (const slug of ['above', 'child', 'grandchild', 'sibling', 'granted', 'one', 'team', 'stranger']) {
    tenants[slug] = await t.value('select id from tenancy.provision_tenant($1, $1, $2)', [slug, `owner@${slug}.test`])
  }
  for (const [slug, parent] of [...Object.entries(parents), ['acme', 'above']]) {
    await t.query('update app_public.tenants set parent_tenant_id = $2 where id = $1', [
      tenants[slug as string],
      tenants[parent as string],
    ])
  }
  const person = async (tenant: string, role: Person['role'], name: string = role): Promise<Person> => {
    const email = `${name}@${tenant}.test`
    const tenantId = tenants[tenant] as string
    const userId = await t.value<string>('select user_id from tenancy.provision_member($1, $2, $3, $4)', [
      tenantId,
      email,
      name,
      role,
    ])
    return { userId, tenantId, tenant, email, role }
  }
  const inTeam = await person('team', 'member', 'in-team')
  await t.query(`select set_config('rowhouse.tenant_id', $1, true)`, [tenants.team])
  const workspaceId = await t.value<string>(
    `insert into app_public.workspaces (tenant_id, name) values ($1, 'Lab') returning id`,
    [tenants.team],
  )
  await t.query(
    `insert into app_public.workspace_members (tenant_id, workspace_id, user_id, role) values ($1, $2, $3, 'viewer')`,
    [tenants.team, workspaceId, inTeam.userId],
  )
  const { acme, platform } = db
  return {
    tenants,
    workspaceId,
    relations: {
      'an owner of acme': { person: acme.owner },
      'an admin of acme': { person: acme.admin },
      'a member of acme': { person: acme.member },
      'a viewer of acme': { person: acme.viewer },
      'the owner of a granted tenant': { person: await person('granted', 'owner') },
      'a member of a granted tenant': { person: await person('granted', 'member') },
      'a viewer of a granted tenant': { person: await person('granted', 'viewer') },
      'the one granted person': { person: await person('one', 'member', 'chosen') },
      'the owner beside the one granted person': { person: await person('one', 'owner') },
      'a member of the granted workspace': { person: inTeam },
      'the owner beside the granted workspace': { person: await person('team', 'owner') },
      'the owner of a child': { person: await person('child', 'owner') },
      'the owner of a grandchild': { person: await person('grandchild', 'owner') },
      'the owner of the parent': { person: await person('above', 'owner') },
      'the owner of a sibling': { person: await person('sibling', 'owner') },
      'the owner of a stranger': { person: await person('stranger', 'owner') },
      'staff in acme': { person: { ...platform.owner, tenantId: acme.id }, role: 'rowhouse_admin' },
      'staff in a granted tenant': {
        person: { ...platform.owner, tenantId: tenants.granted as string },
        role: 'rowhouse_admin',
      },
      'staff in a stranger': {
        person: { ...platform.owner, tenantId: tenants.stranger as string },
        role: 'rowhouse_admin',
      },
      nobody: {},
    },
  }
}

export async function become(t: Transaction, { person, role }: Actor): Promise<void> {
  if (person) await t.become(person, role ?? 'rowhouse_user')
  else {
    await t.becomeRole('rowhouse_user')
    await t.query(`select set_config('rowhouse.user_id', '', true)`)
  }
}

/** A resource of a kind that is on, made by this person. */
export async function createResource(t: Transaction, kind: Kind, as: Person, name = `the ${kind}`): Promise<string> {
  await t.become(as)
  const values: Record<Kind, Record<string, unknown>> = {
    agent: { status: 'active', system_prompt: 'Be brief.' },
    tool: { tool_type: 'function', description: 'Finds.' },
    prompt: { prompt_text: 'Say {{word}}.', input_variables: { word: 'string' } },
    workflow: { workflow_definition: { nodes: [{ id: 'only', type: 'human' }], edges: [] } },
    knowledge_source: { description: 'Texts.' },
  }
  const columns = { name, ...values[kind] }
  return t.value(
    `insert into app_public.${kinds[kind]} (${Object.keys(columns).join(', ')})
     values (${Object.keys(columns).map((_, i) => `$${i + 1}`)}) returning id`,
    Object.values(columns),
  )
}

/** Shares as acme's admin; `narrowed` names the optional arguments. */
export async function share(
  t: Transaction,
  as: Person,
  kind: Kind,
  id: string,
  slug: string,
  narrowed: { user_email?: string; workspace_id?: string; expires_at?: string } = {},
): Promise<string> {
  await t.become(as)
  const names = Object.keys(narrowed)
  return t.value(
    `select id from app_public.share_resource($1, $2, $3${names.map((name, i) => `, ${name} => $${i + 4}`).join('')})`,
    [kind, id, slug, ...Object.values(narrowed)],
  )
}

export const sees = async (t: Transaction, actor: Actor, kind: Kind, id: string): Promise<boolean> => {
  await become(t, actor)
  return t.value(`select exists (select from app_public.${kinds[kind]} where id = $1)`, [id])
}
