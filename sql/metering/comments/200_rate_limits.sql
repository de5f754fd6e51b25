comment on table app_public.rate_limit_config is
  'How fast requests, tokens and cost may come. All that concern a use decide together. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';
comment on column app_public.rate_limit_config.limit_scope is 'Whose use is limited: tenant, user, agent or api_key.';
comment on column app_public.rate_limit_config.scope_id is 'The user, agent or API key; null for each of them on its own, unless it is named in a row of its own. Always null for the tenant.';
comment on column app_public.rate_limit_config.limit_type is 'requests, tokens or cost (in US cents).';
comment on column app_public.rate_limit_config.per_minute is 'Most in any 60 seconds; null for no such limit.';
comment on column app_public.rate_limit_config.per_hour is 'Most in any hour; null for no such limit.';
comment on column app_public.rate_limit_config.per_day is 'Most in any 24 hours; null for no such limit.';
comment on column app_public.rate_limit_config.per_month is 'Most in any 30 days; null for no such limit. Months of the calendar are quotas.';
comment on column app_public.rate_limit_config.on_limit_action is 'What happens beyond the limit: block (refused), queue (refused, to be tried again by the caller), throttle (allowed, the caller should wait) or warn (allowed).';
comment on column app_public.rate_limit_config.is_hard_limit is 'Whether it refuses: block and queue do.';
comment on column app_public.rate_limit_config.warning_threshold_percent is 'From how many percent of the limit on a decision carries a warning, 0 to 100, by default 80.';
comment on column app_public.rate_limit_config.is_active is 'Whether it holds.';
comment on column app_public.rate_limit_config.is_default is 'Whether it holds for every tenant that has nothing else of that kind from its plan. Of the platform''s tenant only.';
comment on column app_public.rate_limit_config.source is 'Who set it: plan, or override (platform staff), which replaces the plan''s for the same thing; or own, which adds to them.';
comment on column app_public.rate_limit_config.created_at is 'When it was set.';
comment on column app_public.rate_limit_config.updated_at is 'When it last changed.';
comment on table app_private.rate_limit_rules is 'The rate limits that hold, one row a window, derived from rate_limit_config.';

comment on table app_public.rate_limit_usage is
  E'@behavior -insert -update -delete +query:resource:connection\nThe sliding windows at hand. A crash of the database forgets them and nothing else. You see your own; who may view analytics sees all.';
comment on column app_public.rate_limit_usage.config_id is 'The limit.';
comment on column app_public.rate_limit_usage.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.rate_limit_usage.window_seconds is 'Length of the window: 60, 3600, 86400 or 2592000.';
comment on column app_public.rate_limit_usage.usage_count is 'What was used between window_start and the last use, in units of the limit.';
comment on column app_public.rate_limit_usage.past_count is E'@behavior -*\nThe part of usage_count that is in past_buckets.';
comment on column app_public.rate_limit_usage.past_buckets is E'@behavior -*\nUse in the twentieths of the window before the newest, oldest first.';
comment on column app_public.rate_limit_usage.window_start is 'Start of the oldest twentieth that counts.';
comment on column app_public.rate_limit_usage.window_end is 'End of the newest twentieth.';
comment on column app_public.rate_limit_usage.is_exceeded is 'Whether the last use was beyond the limit.';
comment on column app_public.rate_limit_usage.exceeded_at is 'When a use was last beyond the limit.';
comment on column app_public.rate_limit_usage.created_at is 'When this window was first used.';
comment on column app_public.rate_limit_usage.updated_at is 'When it was last used.';

comment on type app_public.rate_limit_decision is 'What rate limits say to a use.';
comment on column app_public.rate_limit_decision.is_allowed is 'Whether it may pass.';
comment on column app_public.rate_limit_decision.action is 'What the limit that decided does beyond itself: block, queue, throttle or warn; null when none was passed.';
comment on column app_public.rate_limit_decision.is_warning is 'Whether the warning threshold of a limit is reached.';
comment on column app_public.rate_limit_decision.limit_scope is 'Of the limit that refused, or is nearest to its end: whose it is. null when there is no limit.';
comment on column app_public.rate_limit_decision.limit_type is 'requests, tokens or cost.';
comment on column app_public.rate_limit_decision.window_seconds is 'Length of its window.';
comment on column app_public.rate_limit_decision.limit_value is 'Most in any window of that length.';
comment on column app_public.rate_limit_decision.remaining is 'What may pass now.';
comment on column app_public.rate_limit_decision.reset_at is 'When all of it may pass again, if nothing else does until then.';
comment on column app_public.rate_limit_decision.retry_after_ms is 'Milliseconds until this use would fit, 0 when it does, null when it is more than the limit itself.';
comment on table app_private.api_call_buffer is 'Requests that were served and are not yet booked as usage.';
