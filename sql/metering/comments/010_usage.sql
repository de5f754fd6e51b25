comment on type app_public.usage_outcome is 'How something that was used ended: success, error, or abandoned by its user.';

comment on table app_public.usage_types is
  E'@behavior -insert -update -delete\nWhat can be used, in which unit. The same for every tenant, so that plans can price it.';
comment on column app_public.usage_types.name is 'Name to record it under, such as output_tokens.';
comment on column app_public.usage_types.display_name is 'Name for people.';
comment on column app_public.usage_types.unit is 'What a quantity of 1 is.';
comment on column app_public.usage_types.is_whole is 'Whether quantities are whole numbers.';
comment on column app_public.usage_types.max_quantity is 'The largest quantity of one event.';
comment on column app_public.usage_types.token_class is 'input, cached_input, output or reasoning for tokens of a language model, whose cost follows from the model''s price.';
comment on column app_public.usage_types.created_at is 'When it was added.';

comment on table app_public.llm_model_prices is
  E'@behavior -insert -update -delete\nWhat models cost every tenant, USD per million tokens, from a date on. A cost that was computed names its price; later prices do not change it.';
comment on table app_public.llm_model_price_overrides is
  E'@behavior -insert -update -delete\nWhat models cost this tenant instead of what they cost everybody, USD per million tokens, from a date on.';
do $$
declare
  v_table text;
begin
  foreach v_table in array array['app_public.llm_model_prices', 'app_public.llm_model_price_overrides'] loop
    execute format('comment on column %s.model_id is %L', v_table, 'The model.');
    execute format('comment on column %s.input_usd_per_million is %L', v_table, 'A million input tokens that were not read from a cache, USD.');
    execute format('comment on column %s.cached_input_usd_per_million is %L', v_table, 'A million input tokens read from a cache, USD.');
    execute format('comment on column %s.output_usd_per_million is %L', v_table, 'A million output tokens, without those for reasoning, USD.');
    execute format('comment on column %s.reasoning_usd_per_million is %L', v_table, 'A million tokens for reasoning, USD.');
    execute format('comment on column %s.valid_from is %L', v_table, 'From when it holds.');
    execute format('comment on column %s.valid_to is %L', v_table, 'Until when it holds, excluded; null without an end.');
    execute format('comment on column %s.superseded_at is %L', v_table, 'When a correction took its place from its beginning on; null while it holds.');
    execute format('comment on column %s.created_by_user_id is %L', v_table, 'Who set it.');
    execute format('comment on column %s.created_at is %L', v_table, 'When it was set.');
  end loop;
end
$$;

comment on table app_public.usage_events is
  E'@behavior -insert -update -delete\nEverything that was used, once and unchanged; recordUsage writes it. You see your own; the whole tenant''s with can_view_analytics.';
comment on column app_public.usage_events.batch_id is 'The call that recorded it.';
comment on column app_public.usage_events.ordinal is 'Its place in that call, from 1.';
comment on column app_public.usage_events.occurred_at is 'When it was used.';
comment on column app_public.usage_events.usage_type is 'What was used: the name of a usage type.';
comment on column app_public.usage_events.quantity is 'How much, in the unit of its type; above 0 but for corrections of a cost, which have 0.';
comment on column app_public.usage_events.agent_id is 'The agent that used it.';
comment on column app_public.usage_events.project_id is 'The project it was for.';
comment on column app_public.usage_events.api_key_id is 'The API key it came with.';
comment on column app_public.usage_events.model_id is 'The language model.';
comment on column app_public.usage_events.feature_name is 'The feature of the product it belongs to.';
comment on column app_public.usage_events.outcome is 'How it ended, null where that says nothing.';
comment on column app_public.usage_events.duration_ms is 'How long it took, milliseconds.';
comment on column app_public.usage_events.cost is 'What it cost, USD, not rounded: tokens times the price that held then.';
comment on column app_public.usage_events.price_id is 'The price of its cost: a row of llm_model_prices or llm_model_price_overrides.';
comment on column app_public.usage_events.is_unpriced is 'Tokens without a cost, because no price held for their model; rerateUsage shows what they would cost by now.';
comment on column app_public.usage_events.adjusts_period is 'The billing period it belongs to, when that was final before it was recorded: it goes on the next invoice as an adjustment.';
comment on column app_public.usage_events.rerates_batch_id is 'The batch of the event whose cost this one corrects.';
comment on column app_public.usage_events.rerates_ordinal is 'The place of the event whose cost this one corrects.';
comment on column app_public.usage_events.idempotency_key is 'The key it was recorded under, unique within the tenant.';
comment on column app_public.usage_events.metadata is 'Anything else, an object of at most 8 kB.';
comment on column app_public.usage_events.recorded_at is 'When it was recorded.';

comment on table app_private.usage_idempotency_keys is 'For each idempotency key what it stands for (a hash of the event as it was given) and the event it made. For ever.';
comment on table app_private.usage_queue is 'Batches that the roll-ups have not counted yet, each with the times of its first and last event.';
comment on table app_private.finalised_periods is 'Billing periods that are final.';
comment on table app_private.llm_calls is 'Calls of language models; app_public.llm_usage_logs shows them.';
comment on table app_private.llm_texts is 'What was said in a call, where and as long as the tenant keeps it.';
comment on table app_private.usage_minutes is 'Usage by minute, user, agent and API key.';
comment on table app_private.usage_days is 'Usage by day of the tenant''s calendar and all dimensions.';
comment on table app_private.usage_agents is 'All calls of each agent.';
comment on table app_private.usage_user_agents is 'All calls of each agent by each person; user_agents shows them.';
comment on table app_private.usage_conversations is 'The conversations that usage_user_agents has counted.';
comment on table app_private.usage_rollup_state is 'In which time zone a tenant''s days were counted, and when last.';
comment on table app_private.usage_events_default is 'Events of months that have no partition; the task moves them.';
comment on table app_private.llm_calls_default is 'Calls of months that have no partition; the task moves them.';
comment on table app_private.llm_texts_default is 'Texts of months that have no partition; the task moves them.';
comment on table app_private.usage_minutes_default is 'Minutes of months that have no partition; the task moves them.';
comment on type app_public.tracking_period is 'minute, hour, day or month.';

comment on type app_public.usage_receipt is 'What became of an event that was recorded.';
comment on column app_public.usage_receipt.idempotency_key is 'The key it was recorded under.';
comment on column app_public.usage_receipt.batch_id is 'With ordinal: where the event is in usageEvents.';
comment on column app_public.usage_receipt.ordinal is 'Its place in its batch, from 1.';
comment on column app_public.usage_receipt.occurred_at is 'When it was used.';
comment on column app_public.usage_receipt.is_repeated is 'Whether it had been recorded before: this call stored nothing.';
comment on type app_public.llm_usage_receipt is 'What became of a call that was recorded.';
comment on column app_public.llm_usage_receipt.batch_id is 'The batch of its events in usageEvents.';
comment on column app_public.llm_usage_receipt.total_cost is 'USD, not rounded; null while the model has no price.';
comment on column app_public.llm_usage_receipt.price_id is 'The price it was rated by.';
comment on column app_public.llm_usage_receipt.is_repeated is 'Whether it had been recorded before: this call stored nothing.';
