-- An erasure under way: steps in batches, then the search index, then the receipt. Its row in app_public.erasures is locked by whoever
-- works on it and says how far it is.

set local role rowhouse_platform;  -- outside the wall: a person is erased in all tenants, and the worker erases people and tenants by the catalogue
create or replace function governance.email_of(user_id uuid) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select u.email from app_public.user_profiles u where u.id = email_of.user_id and u.email not like 'erased-%@erased.invalid';
$$;
comment on function governance.email_of is
  'The e-mail address of a person; null when it was erased.';

-- Everything is written from the same text, so a dry run counts what a run deletes.
create or replace function governance.step_rows(step_table regclass, condition text, with_held boolean) returns text
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select format('from %s t where (%s)%s%s', step_table, condition,
    case when governance.tenant_column(step_table) is null then '' else format(' and t.%I = any ($3)', governance.tenant_column(step_table)) end,
    case when with_held then '' else ' and ' || governance.not_held(step_table) end);
$$;
comment on function governance.step_rows is
  'The rows of a step of an erasure, as SQL. $1 is the person, $2 the e-mail address, $3 the tenants.';

create or replace function governance.add_count(counts jsonb, table_name regclass, action text, more bigint) returns jsonb
language sql stable
set search_path to pg_catalog, pg_temp
as $$
  select case when more = 0 then counts
    else counts || jsonb_build_object(table_name::text,
      coalesce(counts -> table_name::text, '{}') || jsonb_build_object(action,
        coalesce((counts -> table_name::text ->> action)::bigint, 0) + more)) end;
$$;
comment on function governance.add_count is 'Adds to the count of an action on a table.';

create or replace function governance.enqueue_erasure(erasure app_public.erasures) returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  select core.enqueue_job('governance__erase', json_build_object('tenantId', (erasure).tenant_id, 'erasureId', (erasure).id),
    'governance:erase:' || (erasure).id, 25);
$$;
comment on function governance.enqueue_erasure is 'Queues an erasure.';
grant execute on function governance.enqueue_erasure to rowhouse_owner;

create or replace function governance.take_step(erasure app_public.erasures, step governance.erasure_step, batch int) returns bigint
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_email text := governance.email_of((erasure).user_id);
  v_count bigint;
begin
  if (step).action = 'kept' then
    execute 'select count(*) ' || governance.step_rows((step).table_name, (step).condition, true)
      into v_count using (erasure).user_id, v_email, (erasure).tenant_ids;
    return v_count;
  end if;
  execute format(
    'with chosen as materialized (select t.tableoid, t.ctid %s limit $4 for update of t) %s t.tableoid = c.tableoid and t.ctid = c.ctid',
    governance.step_rows((step).table_name, (step).condition, false),
    case when (step).action = 'erased' then format('delete from %s t using chosen c where', (step).table_name)
      else format('update %s t set %s from chosen c where', (step).table_name, (step).assignments) end)
    using (erasure).user_id, v_email, (erasure).tenant_ids, take_step.batch;
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function governance.take_step is
  'Does up to batch rows of a step of an erasure, and returns how many.';

create or replace function governance.erasure_steps(erasure app_public.erasures) returns setof governance.erasure_step
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if (erasure).user_id is null then
    return query select s.* from governance.tenant_steps() s order by s.number;
  else
    return query select s.* from governance.person_steps((erasure).is_of_all_tenants) s order by s.number;
  end if;
end
$$;
comment on function governance.erasure_steps is 'The steps of an erasure, in their order.';

create or replace function governance.count_erasure(erasure app_public.erasures) returns jsonb
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step governance.erasure_step;
  v_email text := governance.email_of((erasure).user_id);
  v_count bigint;
  v_counts jsonb := '{}';
begin
  for v_step in select s.* from governance.erasure_steps(erasure) s order by s.number loop
    execute 'select count(*) ' || governance.step_rows(v_step.table_name, v_step.condition, false)
      into v_count using (erasure).user_id, v_email, (erasure).tenant_ids;
    v_counts := governance.add_count(v_counts, v_step.table_name, v_step.action, v_count);
  end loop;
  return v_counts;
end
$$;
comment on function governance.count_erasure is
  'How many rows each step of an erasure finds now, without those that a legal hold covers.';

create or replace function governance.purge_indexes(tenant_ids uuid[]) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_tenant_id uuid;
begin
  foreach v_tenant_id in array tenant_ids loop
    if search.purge_removed(v_tenant_id) then
      return true;
    end if;
  end loop;
  return false;
end
$$;
comment on function governance.purge_indexes is
  'Rebuilds one block of the search index of these tenants that still has words of what was deleted; false when there is none.';

create or replace function governance.is_anything_left(erasure app_public.erasures, with_held boolean) returns boolean
language plpgsql stable security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_step governance.erasure_step;
  v_email text := governance.email_of((erasure).user_id);
  v_is_left boolean;
begin
  for v_step in select * from governance.erasure_steps(erasure) s where s.action <> 'kept' loop
    execute format('select exists (select %s)', governance.step_rows(v_step.table_name, v_step.condition, is_anything_left.with_held))
      into v_is_left using (erasure).user_id, v_email, (erasure).tenant_ids;
    if v_is_left then
      return true;
    end if;
  end loop;
  return false;
end
$$;
comment on function governance.is_anything_left is
  'Whether an erasure finds rows after its steps: such as a deletion has written, or, with those, such as a legal hold covers.';

create or replace function governance.write_receipt(erasure app_public.erasures) returns void
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_receipt governance.erasure_receipts;
begin
  v_receipt.id := (erasure).id;
  v_receipt.of_tenant_id := case when not (erasure).is_of_all_tenants then (erasure).tenant_id end;
  v_receipt.user_id := (erasure).user_id;
  v_receipt.requested_by_user_id := (erasure).requested_by_user_id;
  v_receipt.requested_at := (erasure).requested_at;
  v_receipt.finished_at := (erasure).finished_at;
  v_receipt.counts := (erasure).counts;
  v_receipt.hash := sha256(convert_to(governance.receipt_json(v_receipt), 'UTF8'));
  insert into governance.erasure_receipts select v_receipt.*;
end
$$;
comment on function governance.write_receipt is 'Writes the receipt of an erasure that is done.';

create or replace function governance.finish_erasure(erasure app_public.erasures) returns app_public.data_job_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_erasure app_public.erasures;
begin
  -- The steps begin anew when a deletion has written rows, such as an audit's, and when a hold is released; what is done finds nothing.
  if governance.is_anything_left(erasure, true) then
    update app_public.erasures e
       set status = case when governance.is_anything_left(erasure, false) then 'running' else 'held' end, step = 0
     where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id
    returning * into v_erasure;
    return v_erasure.status;
  end if;
  update app_public.erasures e set status = 'completed', finished_at = core.clock()
   where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id
  returning * into v_erasure;
  perform governance.write_receipt(v_erasure);
  if v_erasure.is_of_all_tenants then
    update app_public.user_profiles u set is_active = false, deleted_at = core.clock() where u.id = v_erasure.user_id;
  elsif v_erasure.user_id is null then
    perform governance.leave_tombstone(v_erasure.tenant_id);
  end if;
  return 'completed';
end
$$;
comment on function governance.finish_erasure is
  'Ends an erasure with its receipt, or leaves it held when a legal hold covers a part.';

create or replace function governance.note_step(erasure app_public.erasures, step governance.erasure_step, row_count bigint, is_done boolean)
returns void
language sql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
  update app_public.erasures e
     set status = 'running',
         step = case when note_step.is_done then (note_step.step).number else e.step end,
         counts = case
           when (note_step.step).action = 'kept' and note_step.row_count > 0 then
             e.counts || jsonb_build_object((note_step.step).table_name::text,
               coalesce(e.counts -> (note_step.step).table_name::text, '{}')
                 || jsonb_build_object('kept', note_step.row_count, 'reason', (note_step.step).reason))
           else governance.add_count(e.counts, (note_step.step).table_name, (note_step.step).action, note_step.row_count) end
   where e.tenant_id = (erasure).tenant_id and e.id = (erasure).id;
$$;
comment on function governance.note_step is
  'Notes in an erasure what a step did, and that it is done.';

create or replace function governance.continue_erasure(tenant_id uuid, erasure_id uuid, batch int default 500)
returns app_public.data_job_status
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_erasure app_public.erasures;
  v_step governance.erasure_step;
  v_batch constant bigint := greatest(continue_erasure.batch, 1);
  v_left bigint := v_batch;
  v_count bigint;
begin
  -- Two workers take turns.
  select * into v_erasure from app_public.erasures e
   where e.tenant_id = continue_erasure.tenant_id and e.id = continue_erasure.erasure_id for update;
  if not found or v_erasure.status = 'completed' then
    return 'completed';
  end if;
  -- A hold that is placed now waits for this batch, and the next one sees it.
  perform pg_advisory_xact_lock_shared(governance.hold_lock_key());
  for v_step in select s.* from governance.erasure_steps(v_erasure) s where s.number > v_erasure.step order by s.number loop
    v_count := governance.take_step(v_erasure, v_step, v_left::int);
    perform governance.note_step(v_erasure, v_step, v_count, v_step.action = 'kept' or v_count < v_left);
    if v_step.action <> 'kept' then
      v_left := v_left - v_count;
    end if;
    if v_left = 0 then
      return 'running';
    end if;
  end loop;
  if v_erasure.step = 0 and v_left = v_batch and governance.is_anything_left(v_erasure, false) then
    perform core.raise_error('RT903', 'Rows are left that no step could delete.', 'A trigger of a table keeps them: let it ask for tenants.erased_at.');
  end if;
  if governance.purge_indexes(v_erasure.tenant_ids) then
    return 'running';
  end if;
  select * into strict v_erasure from app_public.erasures e where e.tenant_id = v_erasure.tenant_id and e.id = v_erasure.id;
  return governance.finish_erasure(v_erasure);
end
$$;
comment on function governance.continue_erasure is
  E'@errors RT903\nDoes the next batch of an erasure in this transaction, and says how far it is: running, held by a legal hold, or completed. After a kill it goes on with the first batch that is not done.';
grant execute on function governance.continue_erasure to rowhouse_worker;

set local role rowhouse_owner;
