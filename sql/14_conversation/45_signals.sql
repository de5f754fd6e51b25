-- Signals: what the rules of a tenant make of its events. The idea: time is cut into windows of the rule's length, and of a rule, a key
-- and a window there is one signal, whose unique key is the lock under which its events are counted. The window is that of the event's
-- own time, so the same events give the same signals and counts in whatever order and from however many clients they come.

call core.secure_tenant_table('app_public.signal_rules');
call audit.track('app_public.signal_rules');
call core.allow('app_public.signal_rules', read => 'member', write => 'can_manage_settings');
grant select, delete,
  insert (name, description, is_enabled, event_type, condition, dedup_key, window_minutes, severity, tags),
  update (name, description, is_enabled, event_type, condition, dedup_key, window_minutes, severity, tags)
  on app_public.signal_rules to rowhouse_user;
grant select, delete on app_public.signal_rules to rowhouse_platform;
comment on table app_public.signal_rules is
  'Rules that make signals of events, at most 50 a tenant. A rule looks at the events that are recorded after it. Changing them requires can_manage_settings.';
comment on column app_public.signal_rules.tenant_id is 'The tenant.';
comment on column app_public.signal_rules.id is 'The id.';
comment on column app_public.signal_rules.name is E'@notPersonal\nThe name of the signals that it makes, such as "The cold chain is broken".';
comment on column app_public.signal_rules.description is 'What it means and what to do.';
comment on column app_public.signal_rules.is_enabled is 'Whether it looks at events.';
comment on column app_public.signal_rules.event_type is 'The type of the events that it looks at; null for all.';
comment on column app_public.signal_rules.condition is
  'Which of these events count: an expression as in workflows, over the event as an object of event_type, occurred_at, agent_id, summary and metadata, such as $.metadata.celsius > 8. Null for all.';
comment on column app_public.signal_rules.dedup_key is
  'What makes signals of this rule differ: an expression over the event, such as $.metadata.sensor. Null when all its events in a window are one signal.';
comment on column app_public.signal_rules.window_minutes is
  'How long a window is, 1 to 43,200 minutes. Windows follow each other from midnight UTC of 1 January 2000.';
comment on column app_public.signal_rules.severity is 'How bad its signals are.';
comment on column app_public.signal_rules.tags is 'The tags that its signals get.';
comment on column app_public.signal_rules.created_by_user_id is E'@personal pseudonymise\nWho made it.';
comment on column app_public.signal_rules.created_at is 'When it was made.';
comment on column app_public.signal_rules.updated_at is 'When it was last changed.';
comment on constraint name_is_a_name on app_public.signal_rules is
  'must have 1 to 255 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint event_type_is_a_name on app_public.signal_rules is
  'must have 1 to 100 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint window_minutes_is_in_range on app_public.signal_rules is 'must be from 1 to 43,200';
comment on constraint tags_are_given on app_public.signal_rules is 'must be texts that are not empty';
comment on constraint signal_rules_created_by_user_id_fkey on app_public.signal_rules is E'@fieldName createdBy\n@behavior -backward';

call core.secure_tenant_table('app_public.signals');
call audit.leave_out('counters that rules keep', 'app_public.signals');
call core.announce('app_public.signals', about => 'rule_id');
call core.allow('app_public.signals', read => 'member');
grant select on app_public.signals to rowhouse_user;
grant select, delete on app_public.signals to rowhouse_platform;
comment on table app_public.signals is
  E'@behavior -insert -update -delete\n@large\n@live\nWhat the rules of this tenant made of its events. Of a rule, a key and a window there is one signal, which counts its events.';
comment on column app_public.signals.tenant_id is 'The tenant.';
comment on column app_public.signals.id is 'The id.';
comment on column app_public.signals.rule_id is 'The rule; null when it was deleted.';
comment on column app_public.signals.name is E'@notPersonal\nThe name of the rule when the signal was made.';
comment on column app_public.signals.severity is 'How bad it was to the rule when the signal was made.';
comment on column app_public.signals.dedup_key is
  E'@notPersonal\nThe value of the rule''s dedup_key as JSON, or its SHA-256 when it has more than 200 characters; empty for a rule without one.';
comment on column app_public.signals.window_start is 'When the window begins.';
comment on column app_public.signals.window_end is 'When the window ends, exclusive.';
comment on column app_public.signals.occurrence_count is 'How many events it was made of. Events that retention deleted count as before.';
comment on column app_public.signals.first_seen_at is 'When the first of them happened.';
comment on column app_public.signals.last_seen_at is 'When the last of them happened.';
comment on column app_public.signals.created_at is 'When the first of them was recorded.';
comment on constraint signals_are_one_a_window on app_public.signals is E'@behavior -single';
comment on constraint signals_tenant_id_rule_id_fkey on app_public.signals is E'@fieldName rule\n@foreignFieldName signals';

call core.secure_tenant_table('app_public.signal_tags');
call audit.track('app_public.signal_tags');
call core.allow('app_public.signal_tags', read => 'member');
grant select on app_public.signal_tags to rowhouse_user;
grant select, delete on app_public.signal_tags to rowhouse_platform;
comment on table app_public.signal_tags is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe tags of signals, at most 20 of each.';
comment on column app_public.signal_tags.tenant_id is 'The tenant.';
comment on column app_public.signal_tags.signal_id is 'The signal.';
comment on column app_public.signal_tags.tag is 'The tag.';
comment on constraint tag_is_a_name on app_public.signal_tags is
  'must have 1 to 200 characters, with a visible one among them and without line breaks or other control characters';
comment on constraint signal_tags_tenant_id_signal_id_fkey on app_public.signal_tags is E'@fieldName signal\n@foreignFieldName tags';

call core.secure_tenant_table('app_public.event_signals');
call audit.leave_out('derived from other tables by rules', 'app_public.event_signals');
call core.allow('app_public.event_signals', read => 'member');
grant select on app_public.event_signals to rowhouse_user;
grant select, delete on app_public.event_signals to rowhouse_platform;
comment on table app_public.event_signals is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\n@large\nWhich events a signal was made of.';
comment on column app_public.event_signals.tenant_id is 'The tenant.';
comment on column app_public.event_signals.signal_id is 'The signal.';
comment on column app_public.event_signals.event_id is 'The event.';
comment on constraint event_signals_tenant_id_signal_id_fkey on app_public.event_signals is E'@fieldName signal\n@foreignFieldName events';
comment on constraint event_signals_tenant_id_event_id_fkey on app_public.event_signals is E'@fieldName event\n@foreignFieldName signals';

create or replace function conversation.event_context(event app_public.events) returns jsonb
language sql immutable parallel safe
return jsonb_build_object('event_type', event.event_type, 'occurred_at', event.occurred_at at time zone 'UTC', 'agent_id', event.agent_id,
  'summary', event.summary, 'metadata', event.metadata);
comment on function conversation.event_context is 'What the expressions of a rule read: the event as an object.';

-- As runtime.evaluate has it, with a path that was made once for all events: making one costs more than a hundred times of using it.
create or replace function conversation.value_at(path jsonpath, gives_list boolean, context jsonb) returns jsonb
language sql immutable parallel safe
return case when gives_list then jsonb_path_query_array(context, path, '{}', true)
            else coalesce(jsonb_path_query_first(context, path, '{}', true), 'null') end;
comment on function conversation.value_at is 'The value of an expression of a rule: a list, one value, or JSON''s null when there is none.';

create or replace function conversation.dedup_key_of(value text) returns text
language sql immutable parallel safe
return case when value is null then '' when length(value) <= 200 then value else 'sha256:' || encode(sha256(convert_to(value, 'UTF8')), 'hex') end;
comment on function conversation.dedup_key_of is 'The key by which events of a rule are one signal, from the value of its dedup_key; null when it has none.';

create or replace function conversation.raise_signals(event_ids uuid[]) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
set jit to off
-- What the expressions match cannot be estimated, and a nested loop over events and signals would be quadratic.
set enable_nestloop to off
as $$
declare
  v_tenant_id constant uuid := core.current_tenant_id();
  v_now constant timestamptz := core.clock();
begin
  -- A rule that is being deleted makes no signal any more.
  perform from app_public.signal_rules r where r.tenant_id = v_tenant_id and r.is_enabled order by r.id for key share;
  with rule as materialized (
    select r.id, r.name, r.severity, r.event_type, make_interval(mins => r.window_minutes) as length,
           catalog.expression_path(r.condition) as condition, runtime.gives_list(r.condition) as condition_gives_list,
           catalog.expression_path(r.dedup_key) as dedup_key, runtime.gives_list(r.dedup_key) as dedup_key_gives_list
      from app_public.signal_rules r
     where r.tenant_id = v_tenant_id and r.is_enabled
  ), event as materialized (
    select e.id, e.event_type, e.occurred_at, conversation.event_context(e) as context
      from app_public.events e
     where e.tenant_id = v_tenant_id and e.id = any (raise_signals.event_ids)
  ), matched as materialized (
    select r.id as rule_id, r.name, r.severity, r.length, e.id as event_id, e.occurred_at,
           date_bin(r.length, e.occurred_at, timestamptz '2000-01-01 00:00:00Z') as window_start,
           conversation.dedup_key_of(case when r.dedup_key is not null
             then conversation.value_at(r.dedup_key, r.dedup_key_gives_list, e.context)::text end) as dedup_key
      from event e
      join rule r on r.event_type is null or r.event_type = e.event_type
     where r.condition is null
        or conversation.value_at(r.condition, r.condition_gives_list, e.context) not in ('null', 'false')
  ), raised as (
    insert into app_public.signals as s (
      tenant_id, rule_id, name, severity, dedup_key, window_start, window_end, occurrence_count, first_seen_at, last_seen_at, created_at)
    select v_tenant_id, m.rule_id, m.name, m.severity, m.dedup_key, m.window_start, m.window_start + m.length, count(*),
           min(m.occurred_at), max(m.occurred_at), v_now
      from matched m
     group by m.rule_id, m.name, m.severity, m.dedup_key, m.window_start, m.length
     -- Always in this order, so that two batches with common signals wait for each other and do not deadlock.
     order by m.rule_id, m.dedup_key collate "C", m.window_start
    on conflict on constraint signals_are_one_a_window do update
      set occurrence_count = s.occurrence_count + excluded.occurrence_count,
          -- The rule may have been given another length meanwhile.
          window_end = greatest(s.window_end, excluded.window_end),
          first_seen_at = least(s.first_seen_at, excluded.first_seen_at), last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at)
    returning s.id, s.rule_id, s.dedup_key, s.window_start
  )
  insert into app_public.event_signals (tenant_id, signal_id, event_id)
  select v_tenant_id, r.id, m.event_id from matched m join raised r using (rule_id, dedup_key, window_start);
end
$$;
comment on function conversation.raise_signals is 'Makes signals of events that were just recorded, or counts them in signals that are there.';

create or replace function conversation.tg_signals__tag() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  insert into app_public.signal_tags (tenant_id, signal_id, tag)
  select distinct s.tenant_id, s.id, t.tag
    from made s
    join app_public.signal_rules r on r.tenant_id = s.tenant_id and r.id = s.rule_id
   cross join unnest(r.tags) as t (tag);
  return null;
end
$$;
comment on function conversation.tg_signals__tag is 'Gives new signals the tags of their rules. A tag that is taken away later stays away.';

create or replace function conversation.tg_signal_rules__check() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_faults constant text[] := array_remove(array[
    'condition ' || catalog.expression_fault(new.condition), 'dedup_key ' || catalog.expression_fault(new.dedup_key)], null);
begin
  if v_faults <> '{}' then
    perform core.raise_error('TK451', array_to_string(v_faults, '; ') || '.', 'Expressions are SQL/JSON path over the event, such as $.metadata.celsius > 8.');
  end if;
  if exists (select from unnest(new.tags) as t (tag) where not core.is_name(t.tag) or length(t.tag) > 200) then
    perform core.raise_error('TK452', 'tags must have 1 to 200 characters each, without control characters.', 'Shorten the tags.');
  end if;
  return new;
end
$$;
comment on function conversation.tg_signal_rules__check is E'@errors TK451 TK452\nRefuses a rule whose expressions cannot be used, or whose tags are no names.';

create or replace function conversation.most_signal_rules() returns int
language sql immutable parallel safe
return 50;
comment on function conversation.most_signal_rules is 'How many rules of signals a tenant can have.';

create or replace function conversation.tg_signal_rules__limit() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(hashtext('app_public.signal_rules'), hashtext(new.tenant_id::text));
  if (select count(*) from app_public.signal_rules r where r.tenant_id = new.tenant_id) >= conversation.most_signal_rules() then
    perform core.raise_error('TK650', 'A tenant can have at most 50 rules of signals.', 'Delete rules that are not needed.');
  end if;
  return new;
end
$$;
comment on function conversation.tg_signal_rules__limit is
  E'@errors TK650\nKeeps the number of rules below its limit. One transaction at a time adds some.';

create or replace function app_public.tag_signal(id uuid, add text[] default '{}', remove text[] default '{}') returns app_public.signals
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_signal app_public.signals;
  v_add constant text[] := coalesce(tag_signal.add, '{}');
  v_remove constant text[] := coalesce(tag_signal.remove, '{}');
  v_most constant int := 20;
begin
  perform tenancy.require_permission('can_run_agents');
  if cardinality(v_add) + cardinality(v_remove) not between 1 and 2 * v_most then
    perform core.raise_error('TK452', 'add and remove together must have 1 to 40 tags.', 'Name the tags.');
  elsif exists (select from unnest(v_add) as t (tag) where coalesce(not core.is_name(t.tag) or length(t.tag) > 200, true)) then
    perform core.raise_error('TK452', 'add: A tag must have 1 to 200 characters, without control characters.', 'Shorten the tags.');
  end if;
  -- The row's lock keeps the number of its tags true.
  select s.* into v_signal from app_public.signals s where s.tenant_id = core.current_tenant_id() and s.id = tag_signal.id for update;
  if not found then
    perform core.raise_error('TK350', 'There is no such signal.', 'List the signals.');
  end if;
  delete from app_public.signal_tags t where t.tenant_id = v_signal.tenant_id and t.signal_id = v_signal.id and t.tag = any (v_remove);
  insert into app_public.signal_tags (tenant_id, signal_id, tag)
  select distinct v_signal.tenant_id, v_signal.id, t.tag from unnest(v_add) as t (tag)
  on conflict on constraint signal_tags_pkey do nothing;
  if (select count(*) from app_public.signal_tags t where t.tenant_id = v_signal.tenant_id and t.signal_id = v_signal.id) > v_most then
    perform core.raise_error('TK651', 'A signal has at most 20 tags.', 'Remove tags that are not needed.');
  end if;
  return v_signal;
end
$$;
comment on function app_public.tag_signal is
  E'@resultFieldName signal\n@errors ID203 TK350 TK452 TK651\nAdds tags to a signal and removes others. It needs the permission can_run_agents.';
grant execute on function app_public.tag_signal to rowhouse_user;

create or replace trigger _100_check before insert or update of condition, dedup_key, tags on app_public.signal_rules
  for each row execute function conversation.tg_signal_rules__check();
create or replace trigger _200_limit before insert on app_public.signal_rules
  for each row execute function conversation.tg_signal_rules__limit();
create or replace trigger _500_tag after insert on app_public.signals
  referencing new table as made for each statement execute function conversation.tg_signals__tag();

call governance.define_data_kind('signals', 'Signals that were made of events, and their tags.', 400);
call governance.add_table_to_kind('signals', 'app_public.signals', 'last_seen_at');
