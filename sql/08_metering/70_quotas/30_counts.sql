-- Counts follow the rows they count, whoever changes them and by whichever door: triggers on memberships, agents and
-- documents. A statement that adds many rows takes them from the quota at once.

set local role rowhouse_platform;  -- outside the wall: counts follow the rows, whoever changes them, in the tenant and those above
create or replace function metering.change_count(tenant_id uuid, quota_type text, delta numeric, user_id uuid, scope text default null)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if change_count.delta <> 0 then
    perform from metering.use_quota(
      change_count.tenant_id, change_count.quota_type, change_count.delta, change_count.user_id, scope => change_count.scope);
  end if;
end
$$;
comment on function metering.change_count is
  E'@errors QT601\nAdds to what is counted of a tenant and a user.';

create or replace function metering.move_count(tenant_id uuid, quota_type text, amount numeric, old_user_id uuid, new_user_id uuid)
returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- the tenant has as many as before, so only the two users' counters change
  if old_user_id is distinct from new_user_id then
    perform metering.change_count(move_count.tenant_id, move_count.quota_type, -move_count.amount, move_count.old_user_id, 'user');
    perform metering.change_count(move_count.tenant_id, move_count.quota_type, move_count.amount, move_count.new_user_id, 'user');
  end if;
end
$$;
comment on function metering.move_count is
  E'@errors QT601\nWhat is counted changes hands within a tenant.';

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
  E'@errors QT601\nCounts active members that come and go.';
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
  E'@errors QT601\nCounts members that become active or cease to be.';
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
  E'@errors QT601\nCounts agents that come and go.';
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
  E'@errors QT601\nCounts agents that are deleted, restored or change their owner.';
grant execute on function metering.tg_agents__count_change to rowhouse_owner;

create or replace function metering.tg_documents__count_rows() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_sign int := case tg_op when 'INSERT' then 1 else -1 end;
begin
  -- first all the one type, then the other: the same order in every statement
  perform metering.change_count(r.tenant_id, r.quota_type, v_sign * r.amount, r.created_by_user_id)
    from (select c.tenant_id, t.quota_type, c.created_by_user_id, sum(case t.quota_type when 'storage' then c.size_bytes else 1 end) as amount
            from changed_rows c, unnest(array['documents', 'storage']) as t (quota_type)
           group by 1, 2, 3 order by 1, 2, 3) r;
  return null;
end
$$;
comment on function metering.tg_documents__count_rows is
  E'@errors QT601\nCounts documents that come and go, and their bytes.';
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
  E'@errors QT601\nCounts the bytes of documents that are replaced by larger or smaller ones, and documents that change hands.';
grant execute on function metering.tg_documents__count_change to rowhouse_owner;

set local role rowhouse_owner;

-- what comes and goes, a statement at a time; what changes, a row at a time and only when it matters
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
create or replace trigger _600_count_added after insert on app_public.documents
  referencing new table as changed_rows for each statement execute function metering.tg_documents__count_rows();
create or replace trigger _600_count_removed after delete on app_public.documents
  referencing old table as changed_rows for each statement execute function metering.tg_documents__count_rows();
create or replace trigger _600_count_changed after update on app_public.documents
  for each row when (old.size_bytes <> new.size_bytes or old.created_by_user_id is distinct from new.created_by_user_id)
  execute function metering.tg_documents__count_change();
