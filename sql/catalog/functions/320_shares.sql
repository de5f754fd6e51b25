-- What a share shows, what a recipient can say to it, and rules of the tables.

create or replace function app_public.resource_shares_resource_name(share app_public.resource_shares) returns text
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  execute format('select r.name from %s r where r.id = $1 and r.tenant_id = $2', app_private.resource_table((share).resource_kind))
    into v_name using (share).resource_id, app_hidden.current_tenant_id();
  return v_name;
end
$$;
comment on function app_public.resource_shares_resource_name(app_public.resource_shares) is 'The name of what is shared.';

create or replace function app_public.resource_shares_grantee_tenant_slug(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.slug from app_private.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_tenant_slug(app_public.resource_shares) is 'The slug of the tenant it is shared with.';

create or replace function app_public.resource_shares_grantee_tenant_name(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.name from app_private.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_tenant_name(app_public.resource_shares) is 'The name of the tenant it is shared with.';

create or replace function app_public.resource_shares_grantee_user_email(share app_public.resource_shares) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select g.user_email from app_private.grantee_of((share).id) g;
$$;
comment on function app_public.resource_shares_grantee_user_email(app_public.resource_shares) is 'The e-mail of the one member it is shared with, null when it is not so narrow.';

grant execute on function
  app_public.resource_shares_resource_name(app_public.resource_shares),
  app_public.resource_shares_grantee_tenant_slug(app_public.resource_shares),
  app_public.resource_shares_grantee_tenant_name(app_public.resource_shares),
  app_public.resource_shares_grantee_user_email(app_public.resource_shares)
to rowhouse_user;

-- Whom a resource is shared with, by the seeds' name for it. The wall empties it for recipients.
do $do$
declare
  v_kind app_public.resource_kind;
  v_table regclass;
  v_name text;
begin
  foreach v_kind in array enum_range(null::app_public.resource_kind) loop
    v_table := app_private.resource_table(v_kind);
    v_name := split_part(v_table::text, '.', 2) || '_shared_with';
    execute format($sql$
      create or replace function app_public.%1$s(resource %2$s) returns uuid[]
      language sql stable security definer
      set search_path to pg_catalog, pg_temp
      as $$
        select array(
          select distinct s.grantee_tenant_id from app_public.resource_shares s
           where s.tenant_id = app_hidden.current_tenant_id() and s.resource_kind = '%3$s' and s.resource_id = (resource).id
             and (s.expires_at is null or s.expires_at > app_hidden.clock())
           order by 1);
      $$;
      grant execute on function app_public.%1$s(%2$s) to rowhouse_user;
      $sql$, v_name, v_table, v_kind);
    execute format('comment on function app_public.%s(%s) is %L', v_name, v_table,
      'The tenants that hold a share of it which has not expired; resource_shares has the details. Empty for those it is shared with: that is the owner''s business.');
  end loop;
end
$do$;

create or replace function app_public.decline_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select app_private.set_declined(decline_share.share_id, clock_timestamp());
$$;
comment on function app_public.decline_share(uuid) is
  E'@resultFieldName receivedShare\nHides what another tenant shares with this one, from everyone it was for; accept_share takes that back. can_manage_settings, or it was shared with you alone. RS362: no such share was received; ID203: your permissions do not allow it.';

create or replace function app_public.accept_share(share_id uuid) returns app_public.received_share
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select app_private.set_declined(accept_share.share_id, null);
$$;
comment on function app_public.accept_share(uuid) is
  E'@resultFieldName receivedShare\nTakes decline_share back; what was not declined needs no acceptance. can_manage_settings, or it was shared with you alone. RS362: no such share was received; ID203: your permissions do not allow it.';
grant execute on function app_public.decline_share(uuid), app_public.accept_share(uuid) to rowhouse_user;

create or replace function app_private.tg_resource_sharing_audit__append_only() returns trigger
language plpgsql
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Not a definer function, so that it sees who deletes: retention is a function of the platform. With its tenant a row
  -- goes as well.
  if tg_op = 'DELETE' and (current_user = 'rowhouse_platform' or not exists (select from app_public.tenants t where t.id = old.tenant_id)) then
    return old;
  end if;
  perform app_private.raise_error('RS961', 'The audit of sharing is never changed.', 'Retention removes what is old.');
end
$$;
comment on function app_private.tg_resource_sharing_audit__append_only() is 'Keeps the audit as it was written. RS961.';

create or replace function app_private.tg_agent_knowledge_sources__check_source() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- outside of a tenant's request (administrators, seeds) the foreign key is all there is to ask
  if new.tenant_id = app_hidden.current_tenant_id() and not app_hidden.is_visible_resource('knowledge_source', new.source_id) then
    perform app_private.raise_error('RS303', 'There is no such knowledge source.', 'List the sources of this tenant, and those shared with it.');
  end if;
  return new;
end
$$;
comment on function app_private.tg_agent_knowledge_sources__check_source() is
  'An agent gets sources its tenant sees. RS303: there is no such source, or it is not for you to see: one error for both.';
