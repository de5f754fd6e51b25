// What the tests of workspaces share: more people of acme, and rows made as the person who would make them.

import type { Person, Tenant, Transaction } from '../helpers/index.ts'

/** Another person of a tenant; the transaction goes on as the superuser. */
export async function addPerson(t: Transaction, tenant: Tenant, name: string, role = 'member'): Promise<Person> {
  await t.becomeSuperuser()
  const email = `another-${name}@${tenant.slug}.test`
  const userId = await t.value<string>(`select user_id from tenancy.provision_member($1, $2, $3, $4)`, [
    tenant.id,
    email,
    name,
    role,
  ])
  return { userId, tenantId: tenant.id, tenant: tenant.slug, email, role: role as Person['role'] }
}

export async function setTenantStatus(t: Transaction, person: Person, status: string): Promise<void> {
  await t.becomeSuperuser()
  await t.query(`update app_public.user_tenants set status = $3 where tenant_id = $1 and user_id = $2`, [
    person.tenantId,
    person.userId,
    status,
  ])
}

export async function createWorkspace(t: Transaction, owner: Person, visibility = 'private', name = 'Lab') {
  await t.become(owner)
  return t.value<string>(`select id from app_public.create_workspace($1, visibility => $2)`, [name, visibility])
}

export async function addMember(t: Transaction, as: Person, workspace: string, person: Person, role: string) {
  await t.become(as)
  await t.query(`select app_public.add_workspace_member($1, $2, $3)`, [workspace, person.userId, role])
}

/** A call of create_project; its values are an object. */
export const newProject = 'app_public.create_project(jsonb_populate_record(null::app_public.new_project, $1))'

export async function createProject(t: Transaction, lead: Person, values: Record<string, unknown> = {}) {
  await t.become(lead)
  const { name = 'Apollo', workspace, isPrivate, key } = values
  return t.value<string>(`select id from ${newProject}`, [
    { name, workspace_id: workspace, is_private: isPrivate, key },
  ])
}
