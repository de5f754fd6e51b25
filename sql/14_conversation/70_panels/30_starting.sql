-- Starting a panel. Its seats, their conversations and the questions of the first round are one transaction.

create or replace function conversation.most_open_panels() returns int
language sql immutable parallel safe
return 5;
comment on function conversation.most_open_panels is 'How many panels of a person may be under way.';

create or replace function conversation.require_room_for_panel() returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
begin
  -- One transaction of a person at a time starts or retries panels, so that the number stays true.
  perform pg_advisory_xact_lock(hashtextextended('panels of ' || core.current_tenant_id() || core.current_user_id(), 0));
  if (select count(*) from app_public.panel_discussions p
       where p.tenant_id = core.current_tenant_id() and p.user_id = core.current_user_id() and p.finished_at is null)
    >= conversation.most_open_panels() then
    perform core.raise_error('TK660', 'You have five panels under way.', 'Wait until one is completed, or cancel one.');
  end if;
end
$$;
comment on function conversation.require_room_for_panel is E'@errors TK660\nRefuses while the person has as many panels under way as are allowed.';

create or replace function conversation.panel_faults(question text, agent_ids uuid[], moderator_id uuid, options text[], rounds int) returns text[]
language sql immutable
set search_path to pg_catalog, pg_temp
as $$
  select array_remove(array[
    case when panel_faults.question is null or panel_faults.question !~ '\S' or length(panel_faults.question) > 4000
      then 'question must have 1 to 4,000 characters' end,
    case when coalesce(cardinality(agent_ids), 0) not between 2 and 12 or array_position(agent_ids, null) is not null
      then 'agent_ids must name 2 to 12 agents' end,
    case when (select count(distinct a) from unnest(agent_ids) as a) < cardinality(agent_ids) then 'agent_ids must name each agent once' end,
    case when moderator_id is null then 'moderator_id is missing' when moderator_id = any (agent_ids) then 'moderator_id must not be among agent_ids' end,
    case when cardinality(options) = 1 or cardinality(options) > 10 then 'options must be 2 to 10, or none' end,
    case when exists (select from unnest(options) as o where coalesce(not core.is_name(o) or length(o) > 200, true))
      then 'options must have 1 to 200 characters each, in one line' end,
    case when not coalesce(rounds, 1) between 1 and 5 then 'rounds must be from 1 to 5' end], null);
$$;
comment on function conversation.panel_faults is 'What is wrong with a panel that is to be started, each as a sentence that names the field.';

create or replace function conversation.add_seat(panel app_public.panel_discussions, number int, agent_id uuid) returns void
language plpgsql volatile
set search_path to pg_catalog, pg_temp
as $$
declare
  v_agent constant jsonb := runtime.usable_agent(add_seat.agent_id);
  v_name constant text := coalesce(v_agent ->> 'display_name', v_agent ->> 'name');
  v_conversation_id uuid;
begin
  insert into app_public.expert_consultations (
    tenant_id, user_id, agent_id, agent_name, title, is_title_given, panel_id, last_message_at, created_at)
  values ((panel).tenant_id, (panel).user_id, add_seat.agent_id, v_name, conversation.title_of((panel).question), true, (panel).id,
    core.clock(), core.clock())
  returning id into v_conversation_id;
  insert into app_public.panel_seats (tenant_id, panel_id, number, agent_id, agent_name, conversation_id)
  values ((panel).tenant_id, (panel).id, add_seat.number, add_seat.agent_id, v_name, v_conversation_id);
end
$$;
comment on function conversation.add_seat is E'@errors RN377\nGives an agent a seat in a panel, with a conversation.';

create or replace function conversation.panel_with_key(idempotency_key text, request_hash bytea) returns app_public.panel_discussions
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
declare
  v_panel app_public.panel_discussions;
begin
  if length(panel_with_key.idempotency_key) not between 1 and 255 then
    perform observability.refuse_event('key', 1, 1);
  end if;
  select p.* into v_panel from app_public.panel_discussions p
   where p.tenant_id = core.current_tenant_id() and p.user_id = core.current_user_id() and p.idempotency_key = panel_with_key.idempotency_key;
  if v_panel.request_hash <> panel_with_key.request_hash then
    perform core.raise_error('TK560', 'idempotency_key: This key was used for another panel.', 'Use a new key for each panel.');
  end if;
  return v_panel;
end
$$;
comment on function conversation.panel_with_key is E'@errors OB401 TK560\nThe panel that the same request has started before under a key; null when there is none.';

create or replace function app_public.start_panel(
  question text, agent_ids uuid[], moderator_id uuid, options text[] default '{}', rounds int default 2, idempotency_key text default null)
returns app_public.panel_discussions
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_hash constant bytea := sha256(convert_to(jsonb_build_array(
    start_panel.question, start_panel.agent_ids, start_panel.moderator_id, start_panel.options, start_panel.rounds)::text, 'UTF8'));
  v_seats constant uuid[] := start_panel.moderator_id || start_panel.agent_ids;
  v_panel app_public.panel_discussions;
begin
  perform conversation.require_participant();
  perform catalog.refuse_faults('TK461', 'The panel cannot be started', conversation.panel_faults(
    start_panel.question, start_panel.agent_ids, start_panel.moderator_id, start_panel.options, start_panel.rounds), 'Correct these fields.');
  -- Its lock lets one of several equal requests through, and the others find what that one has started.
  perform pg_advisory_xact_lock(hashtextextended('panels of ' || core.current_tenant_id() || core.current_user_id(), 0));
  v_panel := conversation.panel_with_key(start_panel.idempotency_key, v_hash);
  if v_panel.id is not null then
    return v_panel;
  end if;
  perform conversation.require_room_for_panel();
  insert into app_public.panel_discussions (tenant_id, user_id, question, options, round_count, idempotency_key, request_hash, created_at)
  values (core.current_tenant_id(), core.current_user_id(), start_panel.question, coalesce(start_panel.options, '{}'),
    coalesce(start_panel.rounds, 2), start_panel.idempotency_key, v_hash, core.clock())
  returning * into v_panel;
  for v_number in 0 .. cardinality(v_seats) - 1 loop
    perform conversation.add_seat(v_panel, v_number, v_seats[v_number + 1]);
  end loop;
  perform conversation.begin_step(v_panel, 1);
  perform metering.store_usage(array[jsonb_populate_record(null::app_public.new_usage_event, jsonb_build_object(
    'idempotency_key', 'panel:' || v_panel.id, 'usage_type', 'panel', 'quantity', 1))]);
  return v_panel;
end
$$;
comment on function app_public.start_panel is
  E'@resultFieldName panel\n@errors ID202 ID203 KY201 MT411 MT412 MT501 OB401 RN377 TK461 TK560 TK660 TN202\nStarts a panel: 2 to 12 agents speak in 1 to 5 rounds, by default two, each reading the round before; with options they vote, in secret; then the moderator sums up. panelChanged tells how it goes on. With an idempotency key a call that is repeated gives the panel of the first. Five panels of a person may be under way. You need the permission can_run_agents.';
grant execute on function app_public.start_panel to rowhouse_user;
