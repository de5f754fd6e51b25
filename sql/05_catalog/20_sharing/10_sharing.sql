-- Sharing: a tenant lets other tenants use its resources. This file explains the model and secures its tables; the files
-- after it have one side of it each.
--
--   * resource.sharing_mode says who beyond the owner may use a resource: private, selected, subtree or platform.
--   * app_public.resource_shares names the grantees of a resource: a tenant, or one member or one workspace of a tenant.
--     A private resource becomes selected with its first share and private again when its last share is revoked.
--   * The policy tenant_isolation_with_shares lets users read shared rows beside their own. Nothing else changes for the
--     row: only its owner writes it, and definer functions still see their own tenant alone. So functions that write, own
--     or count resources need not think of sharing.
--   * Nothing is copied or cached: 15_shared_with.sql reads live which rows are shared, once in each query. A share that is
--     revoked, expired or declined is gone with the next statement.
--   * 18_lists.sql reads own and shared rows as one list, each half by its index.
--   * 20_shares.sql is the owner's side, 30_received_shares.sql the grantee's, 40_audit.sql records both, and
--     50_copies.sql makes a tenant's own copy of a resource that it sees.

comment on type app_public.sharing_action is 'What happened to a share or to the sharing_mode of a resource.';

-- Only the owner reads its shares, and only functions write them.
call core.secure_tenant_table('app_public.resource_shares');
call audit.track('app_public.resource_shares');
call core.allow('app_public.resource_shares', read => 'member');
grant select on app_public.resource_shares to rowhouse_user;
grant select, insert, update, delete on app_public.resource_shares to rowhouse_platform;
comment on table app_public.resource_shares is
  E'@behavior -insert -update -delete\nThe shares of this tenant''s resources: each names a resource and another tenant, or one member or workspace of that tenant. share_resource and revoke_share write them. The grantee reads its shares with received_shares.';
comment on column app_public.resource_shares.resource_kind is 'The kind of the resource.';
comment on column app_public.resource_shares.resource_id is 'The resource that is shared.';
comment on column app_public.resource_shares.grantee_tenant_id is 'The tenant it is shared with.';
comment on column app_public.resource_shares.grantee_user_id is E'@personal erase\nThe member it is shared with; null when it is shared with the whole tenant or a workspace.';
comment on column app_public.resource_shares.grantee_workspace_id is 'The workspace whose members it is shared with; null when it is shared with the whole tenant or one member.';
comment on column app_public.resource_shares.expires_at is 'When the share ends; null when it does not end.';
comment on column app_public.resource_shares.declined_at is 'When the grantee declined it; null when it is not declined.';
comment on column app_public.resource_shares.created_by_user_id is E'@personal pseudonymise\nWho shared it.';
comment on column app_public.resource_shares.created_at is 'When it was shared.';
comment on column app_public.resource_shares.updated_at is 'When the share last changed.';
comment on constraint grantee_is_another_tenant on app_public.resource_shares is 'must be another tenant';
comment on constraint share_is_for_a_user_or_a_workspace on app_public.resource_shares is 'must be empty when the share is for a workspace';
comment on constraint resource_shares_tenant_id_resource_kind_resource_id_grantee_key on app_public.resource_shares is
  'is shared with this grantee already';

-- The value is compared as JSON, so that only a plain false forbids. The body is parsed at creation, so that PostgreSQL can
-- inline it where it runs for each row.
create or replace function catalog.tenant_allows(config jsonb, key text) returns boolean
language sql immutable parallel safe
return (config #> string_to_array(key, '.')) is distinct from 'false'::jsonb;
comment on function catalog.tenant_allows is
  'Whether a tenant''s resource_access_config allows something, such as sharing.can_receive_shared. Everything is allowed unless it is set to false.';
grant execute on function catalog.tenant_allows to rowhouse_platform;

create or replace procedure catalog.secure_shareable_table(target regclass, kind text)
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  call core.secure_tenant_table(target);
  execute format('alter policy tenant_isolation on %s to rowhouse_owner, rowhouse_authenticator, rowhouse_worker', target);
  execute format(
    'create policy tenant_isolation_with_shares on %s as restrictive for all to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()) or id = any ((select catalog.shared_resource_ids(%L))::uuid[]))
      with check (tenant_id = (select core.current_tenant_id()))', target, kind);
  execute format(
    'create policy tenant_isolation_of_updates on %s as restrictive for update to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()))', target);
  execute format(
    'create policy tenant_isolation_of_deletes on %s as restrictive for delete to rowhouse_user
      using (tenant_id = (select core.current_tenant_id()))', target);
  -- Lists read the two halves of what a user sees by these roles. A case is no condition of an index, so the planner takes
  -- it neither for one nor into its estimates: the list's own condition, the same comparison, is what finds the rows.
  execute format('grant select on %s to rowhouse_own_rows, rowhouse_shared_rows', target);
  execute format(
    'create policy tenant_isolation_of_own_rows on %s as restrictive for all to rowhouse_own_rows
      using (case tenant_id when (select core.current_tenant_id()) then true end)', target);
  execute format(
    'create policy tenant_isolation_of_shared_rows on %s as restrictive for all to rowhouse_shared_rows
      using (id = any ((select catalog.shared_resource_ids(%L))::uuid[]))', target, kind);
  execute format('comment on policy tenant_isolation_of_own_rows on %s is %L', target,
    'The half of a list that is the request''s own tenant''s.');
  execute format('comment on policy tenant_isolation_of_shared_rows on %s is %L', target,
    'The half of a list that other tenants share with the request.');
  execute format('comment on policy tenant_isolation_with_shares on %s is %L', target,
    'Shows the rows of the request''s own tenant and, for reading only, the rows that are shared with it.');
  execute format('comment on policy tenant_isolation_of_updates on %s is %L', target, 'A tenant that a resource is shared with cannot change it.');
  execute format('comment on policy tenant_isolation_of_deletes on %s is %L', target, 'A tenant that a resource is shared with cannot delete it.');
end
$$;
comment on procedure catalog.secure_shareable_table is
  E'@errors RH901 RH902\nSecures a table of shareable resources as secure_tenant_table does, and lets users also read the rows that are shared with them.';

create or replace function catalog.security_gaps() returns table (object text, gap text)
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with openings as (
    select p.polrelid, p.polrelid in (select catalog.resource_table(k) from unnest(enum_range(null::app_public.resource_kind)) as k) as is_resource
      from pg_policy p
     where p.polname = 'tenant_isolation_with_shares'
  )
  select o.polrelid::regclass::text, 'its policy lets shared rows through, but it is not a table of shareable resources' from openings o where not o.is_resource
  union all
  select o.polrelid::regclass::text, 'tenants could change rows that are only shared with them (call catalog.secure_shareable_table)'
    from openings o
   where (select count(*) from pg_policy p
           where p.polrelid = o.polrelid and not p.polpermissive and p.polroles = array['rowhouse_user'::regrole::oid]
             and (p.polname, p.polcmd) in (('tenant_isolation_of_updates', 'w'), ('tenant_isolation_of_deletes', 'd'))) < 2
  union all
  select c.oid::regclass::text, format('%s may %s it, but only reads what its restrictive policy lets through', r.name, p.privilege)
    from pg_class c
   cross join (values ('rowhouse_own_rows', 'tenant_isolation_of_own_rows'), ('rowhouse_shared_rows', 'tenant_isolation_of_shared_rows'))
         as r (name, wall)
   cross join unnest(array['select', 'insert', 'update', 'delete']) as p (privilege)
   where c.relnamespace in (select core.schemas()) and c.relkind in ('r', 'p') and has_table_privilege(r.name, c.oid, p.privilege)
     and (p.privilege <> 'select' or not exists (
       select from pg_policy w
        where w.polrelid = c.oid and not w.polpermissive and w.polcmd = '*' and w.polname = r.wall and w.polroles = array[r.name::regrole::oid]));
$$;
comment on function catalog.security_gaps is
  'Tables that let shared rows through although they must not, that let other tenants write those rows, or that the two roles of lists reach without their walls. core.security_gaps includes this list.';
