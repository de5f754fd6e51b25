-- Quotas of users, agents, API keys, documents and storage. Triggers on the counted tables change the counters, whoever changes the rows
-- and however. A statement that adds many rows takes all of them from the quota at once.

set local role rowhouse_platform;  -- outside the wall: counters follow the counted rows, whoever changes them, in the tenant and in those above
create or replace function metering.change_count(
  tenant_id uuid, quota_type app_public.quota_type, delta numeric, user_id uuid, scope app_public.limit_scope default null
)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if change_count.delta <> 0 then
    perform from metering.use_quota(
      row(change_count.tenant_id, change_count.quota_type, change_count.delta, change_count.user_id, null, null, null, null, null)::metering.quota_use,
      change_count.scope);
  end if;
end
$$;
comment on function metering.change_count is
  E'@errors QT601\nAdds to the counters of a tenant and a user.';

create or replace function metering.move_count(tenant_id uuid, quota_type app_public.quota_type, amount numeric, old_user_id uuid, new_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- The tenant has as many as before, so only the counters of the two users change.
  if old_user_id is distinct from new_user_id then
    perform metering.change_count(move_count.tenant_id, move_count.quota_type, -move_count.amount, move_count.old_user_id, 'user');
    perform metering.change_count(move_count.tenant_id, move_count.quota_type, move_count.amount, move_count.new_user_id, 'user');
  end if;
end
$$;
comment on function metering.move_count is
  E'@errors QT601\nMoves an amount from the counters of one user to those of another user of the tenant.';

create or replace function metering.tg_user_tenants__count_rows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.change_count(r.tenant_id, 'users', case tg_op when 'INSERT' then r.number else -r.number end, null)
    from (select c.tenant_id, count(*) as number from changed_rows c where c.status = 'active' group by c.tenant_id order by c.tenant_id) r;
  return null;
end
$$;
comment on function metering.tg_user_tenants__count_rows is
  E'@errors QT601\nCounts active members that are added and removed.';
grant execute on function metering.tg_user_tenants__count_rows to rowhouse_owner;

create or replace function metering.tg_user_tenants__count_change() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if old.status = 'active' then
    perform metering.change_count(old.tenant_id, 'users', -1, null);
  end if;
  if new.status = 'active' then
    perform metering.change_count(new.tenant_id, 'users', 1, null);
  end if;
  return null;
end
$$;
comment on function metering.tg_user_tenants__count_change is
  E'@errors QT601\nCounts members whose status becomes active, or is active no longer.';
grant execute on function metering.tg_user_tenants__count_change to rowhouse_owner;

create or replace function metering.tg_agents__count_rows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.change_count(r.tenant_id, 'agents', case tg_op when 'INSERT' then r.number else -r.number end, r.owner_id)
    from (select c.tenant_id, c.owner_id, count(*) as number from changed_rows c where c.deleted_at is null
           group by c.tenant_id, c.owner_id order by c.tenant_id, c.owner_id) r;
  return null;
end
$$;
comment on function metering.tg_agents__count_rows is
  E'@errors QT601\nCounts agents that are added and removed.';
grant execute on function metering.tg_agents__count_rows to rowhouse_owner;

create or replace function metering.tg_agents__count_change() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if old.deleted_at is null and new.deleted_at is null and old.tenant_id = new.tenant_id then
    perform metering.move_count(new.tenant_id, 'agents', 1, old.owner_id, new.owner_id);
    return null;
  end if;
  if old.deleted_at is null then
    perform metering.change_count(old.tenant_id, 'agents', -1, old.owner_id);
  end if;
  if new.deleted_at is null then
    perform metering.change_count(new.tenant_id, 'agents', 1, new.owner_id);
  end if;
  return null;
end
$$;
comment on function metering.tg_agents__count_change is
  E'@errors QT601\nCounts agents that are deleted or restored, or whose owner changes.';
grant execute on function metering.tg_agents__count_change to rowhouse_owner;

create or replace function metering.tg_api_keys__count_rows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.change_count(r.tenant_id, 'api_keys', case tg_op when 'INSERT' then r.number else -r.number end, null)
    from (select c.tenant_id, count(*) as number from changed_rows c where c.revoked_at is null group by c.tenant_id order by c.tenant_id) r;
  return null;
end
$$;
comment on function metering.tg_api_keys__count_rows is
  E'@errors QT601\nCounts API keys that are made and deleted.';
grant execute on function metering.tg_api_keys__count_rows to rowhouse_owner;

create or replace function metering.tg_api_keys__count_change() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.change_count(new.tenant_id, 'api_keys', case when new.revoked_at is null then 1 else -1 end, null);
  return null;
end
$$;
comment on function metering.tg_api_keys__count_change is
  E'@errors QT601\nCounts API keys that are revoked.';
grant execute on function metering.tg_api_keys__count_change to rowhouse_owner;

create or replace function metering.tg_documents__count_rows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  -- Every statement changes the counters in the same order, all of one type before those of the other, so that none deadlock.
  perform metering.change_count(r.tenant_id, r.quota_type, v_sign * r.amount, r.created_by_user_id)
    from (select c.tenant_id, t.quota_type, c.created_by_user_id, sum(case t.quota_type when 'storage' then c.size_bytes else 1 end) as amount
            from changed_rows c, unnest(array['documents', 'storage']) as t (quota_type)
           group by 1, 2, 3 order by 1, 2, 3) r;
  return null;
end
$$;
comment on function metering.tg_documents__count_rows is
  E'@errors QT601\nCounts documents that are added and removed, and their bytes.';
grant execute on function metering.tg_documents__count_rows to rowhouse_owner;

create or replace function metering.tg_documents__count_change() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform metering.move_count(new.tenant_id, 'documents', 1, old.created_by_user_id, new.created_by_user_id);
  perform metering.move_count(new.tenant_id, 'storage', old.size_bytes, old.created_by_user_id, new.created_by_user_id);
  perform metering.change_count(new.tenant_id, 'storage', new.size_bytes - old.size_bytes, new.created_by_user_id);
  return null;
end
$$;
comment on function metering.tg_documents__count_change is
  E'@errors QT601\nCounts the bytes of documents whose size changes, and moves documents whose creator changes.';
grant execute on function metering.tg_documents__count_change to rowhouse_owner;

set local role rowhouse_owner;

-- Added and removed rows are counted once for each statement. Changed rows are counted one by one, and only when it matters.
create or replace trigger _600_count_added after insert on app_public.user_tenants
  referencing new table as changed_rows for each statement execute function metering.tg_user_tenants__count_rows();
create or replace trigger _600_count_removed after delete on app_public.user_tenants
  referencing old table as changed_rows for each statement execute function metering.tg_user_tenants__count_rows();
create or replace trigger _600_count_changed after update on app_public.user_tenants
  for each row when ((old.status = 'active') <> (new.status = 'active') or old.tenant_id <> new.tenant_id)
  execute function metering.tg_user_tenants__count_change();
create or replace trigger _600_count_added after insert on app_public.agents
  referencing new table as changed_rows for each statement execute function metering.tg_agents__count_rows();
create or replace trigger _600_count_removed after delete on app_public.agents
  referencing old table as changed_rows for each statement execute function metering.tg_agents__count_rows();
create or replace trigger _600_count_changed after update on app_public.agents
  for each row when (
    (old.deleted_at is null) <> (new.deleted_at is null) or old.owner_id is distinct from new.owner_id or old.tenant_id <> new.tenant_id)
  execute function metering.tg_agents__count_change();
create or replace trigger _600_count_added after insert on app_public.api_keys
  referencing new table as changed_rows for each statement execute function metering.tg_api_keys__count_rows();
create or replace trigger _600_count_removed after delete on app_public.api_keys
  referencing old table as changed_rows for each statement execute function metering.tg_api_keys__count_rows();
create or replace trigger _600_count_changed after update on app_public.api_keys
  for each row when ((old.revoked_at is null) <> (new.revoked_at is null))
  execute function metering.tg_api_keys__count_change();
create or replace trigger _600_count_added after insert on app_public.documents
  referencing new table as changed_rows for each statement execute function metering.tg_documents__count_rows();
create or replace trigger _600_count_removed after delete on app_public.documents
  referencing old table as changed_rows for each statement execute function metering.tg_documents__count_rows();
create or replace trigger _600_count_changed after update on app_public.documents
  for each row when (old.size_bytes <> new.size_bytes or old.created_by_user_id is distinct from new.created_by_user_id)
  execute function metering.tg_documents__count_change();
