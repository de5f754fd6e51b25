-- Legal holds. A hold keeps the data of a whole tenant, of one person or of one resource, whatever retention and erasure would do.
-- The one idea: whoever deletes holds a shared lock for as long as its transaction lasts, and whoever places a hold waits for the
-- exclusive one. So when a hold is there, no deletion is under way that has not seen it.

call core.secure_tenant_table('app_public.legal_holds');
call audit.track('app_public.legal_holds');
call core.exempt_from_guard('app_public.legal_holds', '_000_require_writable_tenant', 'a hold is placed in a cancelled tenant as well');
call core.allow('app_public.legal_holds', read => 'can_view_audit');
grant select on app_public.legal_holds to rowhouse_user;
grant select, insert, update, delete on app_public.legal_holds to rowhouse_platform;
comment on table app_public.legal_holds is
  E'@behavior -insert -update -delete -query:resource:single\nHolds on data: while one lasts, neither retention nor an erasure deletes what it covers. A hold without a person and a resource covers the whole tenant. Needs can_view_audit.';
comment on column app_public.legal_holds.tenant_id is 'The tenant.';
comment on column app_public.legal_holds.id is 'The key of the hold.';
comment on column app_public.legal_holds.user_id is E'@personal keep A hold says whose data it keeps.\nThe person whose rows it covers.';
comment on column app_public.legal_holds.resource_id is 'The resource, document or other row that it covers, with what hangs on it.';
comment on column app_public.legal_holds.reason is 'Why it was placed, such as the file number of a case.';
comment on column app_public.legal_holds.placed_by_user_id is E'@personal pseudonymise\nWho placed it.';
comment on column app_public.legal_holds.placed_at is 'When it was placed.';
comment on column app_public.legal_holds.released_by_user_id is E'@personal pseudonymise\nWho released it.';
comment on column app_public.legal_holds.released_at is 'When it was released; null while it lasts.';
comment on constraint reason_is_said on app_public.legal_holds is 'must say something';
comment on constraint holds_a_person_or_a_resource on app_public.legal_holds is 'must name a person or a resource, not both';

create or replace function governance.hold_lock_key() returns bigint
language sql immutable parallel safe
return hashtextextended('governance:legal_holds', 0);
comment on function governance.hold_lock_key is
  'The key of the advisory lock that deletions share and that placing a hold takes alone.';

create or replace function app_public.place_legal_hold(reason text, user_id uuid default null, resource_id uuid default null)
returns app_public.legal_holds
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hold app_public.legal_holds;
begin
  perform tenancy.require_permission('can_manage_tenant');
  if place_legal_hold.user_id is not null and not exists (
    select from app_public.user_tenants m where m.tenant_id = core.current_tenant_id() and m.user_id = place_legal_hold.user_id) then
    perform core.raise_error('RT302', 'This person is not a member of this tenant.', 'Read the ids of its members, also of those who left.');
  end if;
  -- Wait for the deletions that have not seen this hold.
  perform pg_advisory_xact_lock(governance.hold_lock_key());
  insert into app_public.legal_holds (tenant_id, user_id, resource_id, reason, placed_by_user_id, placed_at)
  values (core.current_tenant_id(), place_legal_hold.user_id, place_legal_hold.resource_id, place_legal_hold.reason,
          core.current_user_id(), core.clock())
  returning * into v_hold;
  return v_hold;
end
$$;
comment on function app_public.place_legal_hold is
  E'@resultFieldName legalHold\n@errors ID203 RT302 23514\nKeeps data from retention and erasure: all of this tenant, or the rows of a person, or a resource and what hangs on it. It holds from the moment this returns, also for a run that is under way. You need the permission can_manage_tenant.';
grant execute on function app_public.place_legal_hold to rowhouse_user;

-- The condition under which no hold covers a row t of a table. The name of a table and of its columns are not known before, so it is
-- a piece of SQL: every key of a person in the row, by the register, and every key of a resource that the row is or hangs on.
create or replace function governance.not_held(target regclass) returns text
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  with part as (
    select string_agg(format('t.%I', a.attname), ', ') filter (where p.column_name is not null) as people,
           string_agg(format('t.%I', a.attname), ', ')
             filter (where p.column_name is null and a.attname = any ('{id,source_id,document_id,agent_id,item_id,resource_id}')) as resources,
           bool_or(a.attname = 'tenant_id') as has_tenant
      from pg_attribute a
      left join governance.personal_columns p
        on p.table_name = a.attrelid::regclass and p.column_name = a.attname and p.kind = 'key'
     where a.attrelid = not_held.target and a.attnum > 0 and not a.attisdropped and a.atttypid = 'uuid'::regtype
  )
  select format('not exists (select from app_public.legal_holds h where h.released_at is null%s and (h.user_id is null and h.resource_id is null%s%s))',
           case when has_tenant then ' and h.tenant_id = t.tenant_id' else ' and h.tenant_id = any ($3)' end,
           ' or h.user_id in (' || people || ')', ' or h.resource_id in (' || resources || ')')
    from part;
$$;
comment on function governance.not_held is
  'The condition, over a row t, that no legal hold covers it. $3 is the list of tenants that matter for a table without tenants.';
