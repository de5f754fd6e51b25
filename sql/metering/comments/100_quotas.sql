comment on table app_public.usage_quotas is
  'Limits of what there may be (users, agents, documents, storage) or be used in a period (api_calls, tokens, cost). The strictest that holds decides. Everyone reads them; who may manage settings sets the tenant''s own, which can only limit it further.';
comment on column app_public.usage_quotas.quota_type is 'users (active members), agents (not deleted), documents, storage (bytes of documents), api_calls, tokens or cost (US dollars).';
comment on column app_public.usage_quotas.quota_scope is 'Whose use is limited: tenant, user, agent or api_key.';
comment on column app_public.usage_quotas.scope_id is 'The user, agent or API key; null for each of them on its own, unless it is named in a row of the same source. Always null for the tenant.';
comment on column app_public.usage_quotas.period is 'none for what is counted; day, month (of the calendar) or billing (a month from the day the subscription, or the tenant, began) for what is used, in the tenant''s time zone.';
comment on column app_public.usage_quotas.quota_limit is 'The limit, in units of the type, from 0 on; whole but for a cost. null: unlimited, to lift one of lower source.';
comment on column app_public.usage_quotas.is_hard_limit is 'Whether a use beyond the limit is refused (QT601). A soft limit only warns, by alerts.';
comment on column app_public.usage_quotas.overage_allowed is 'Whether use beyond a soft limit is sold: it is counted as overage. Set by plans and platform staff.';
comment on column app_public.usage_quotas.alert_threshold_percentage is 'At how many percent of the limit an alert is written, once a period; above 0, at most 100, by default 80. Another is written at 100.';
comment on column app_public.usage_quotas.applies_to_subtree is 'Whether the use of all tenants below this one counts as well.';
comment on column app_public.usage_quotas.source is 'Who set it: plan, tenant (from tenants.quotas) or override (platform staff), each replacing the one before for the same thing; or own, which adds to them.';
comment on column app_public.usage_quotas.created_at is 'When it was set.';
comment on column app_public.usage_quotas.updated_at is 'When it last changed.';

comment on table app_public.quota_tracking is
  E'@behavior -insert -update -delete\nWhat is used of each limit, a row for each period. Changed by one conditional update in the transaction that uses something.';
comment on column app_public.quota_tracking.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_tracking.quota_scope is 'tenant, user, agent or api_key.';
comment on column app_public.quota_tracking.scope_id is 'Whose use is counted: the tenant, user, agent or API key.';
comment on column app_public.quota_tracking.includes_subtree is 'Whether the tenants below count as well.';
comment on column app_public.quota_tracking.period is 'none, day, month or billing.';
comment on column app_public.quota_tracking.period_start is 'First day of the period in the tenant''s time zone; -infinity where there is none.';
comment on column app_public.quota_tracking.period_end is 'The day after its last; infinity where there is none.';
comment on column app_public.quota_tracking.quota_limit is 'The strictest limit, hard or soft; null when there is none any more. Past periods keep theirs.';
comment on column app_public.quota_tracking.hard_limit is 'The strictest hard limit: current_usage and reserved together never pass it.';
comment on column app_public.quota_tracking.included_amount is 'The limit beyond which use is sold as overage; null when none is sold.';
comment on column app_public.quota_tracking.alert_threshold_percentage is 'As in usage_quotas, of the strictest limit.';
comment on column app_public.quota_tracking.current_usage is 'What there is, or has been used in the period.';
comment on column app_public.quota_tracking.reserved is 'What reservations hold.';
comment on column app_public.quota_tracking.is_exceeded is 'Whether more is used than the limit, as a soft limit or one that was lowered allows.';
comment on column app_public.quota_tracking.overage is 'What is used beyond included_amount, to be billed.';
comment on column app_public.quota_tracking.created_at is 'When the counter began.';
comment on column app_public.quota_tracking.updated_at is 'When it last changed.';

comment on table app_public.quota_reservations is
  E'@behavior -insert -update -delete\nWhat calls that are under way may use at most, held until they are settled, released or expired. You see your own; who may view analytics sees all.';
comment on column app_public.quota_reservations.quota_type is 'api_calls, tokens or cost (US dollars).';
comment on column app_public.quota_reservations.amount is 'The most that may be used.';
comment on column app_public.quota_reservations.agent_id is 'The agent whose quotas count as well.';
comment on column app_public.quota_reservations.api_key_id is 'The API key whose quotas count as well.';
comment on column app_public.quota_reservations.expires_at is 'When it gives back what it holds by itself.';
comment on column app_public.quota_reservations.hold_count is E'@behavior -*\nIn how many counters it holds something.';
comment on column app_public.quota_reservations.settled_amount is 'What was used, at most amount; null until it is settled.';
comment on column app_public.quota_reservations.settled_at is 'When it was settled.';
comment on column app_public.quota_reservations.released_at is 'When it was given back unused.';
comment on column app_public.quota_reservations.created_at is 'When it was made.';
comment on table app_private.quota_holds is 'What a reservation holds of each counter; changed only while the counter''s row is locked.';

comment on table app_public.quota_alerts is
  E'@behavior -insert -update -delete\nThat a threshold of a limit was passed: once a threshold and period. You see your own; who may view analytics sees all.';
comment on column app_public.quota_alerts.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_alerts.quota_scope is 'tenant, user, agent or api_key.';
comment on column app_public.quota_alerts.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.quota_alerts.includes_subtree is 'Whether the tenants below count as well.';
comment on column app_public.quota_alerts.period is 'none, day, month or billing.';
comment on column app_public.quota_alerts.period_start is 'First day of the period; -infinity where there is none.';
comment on column app_public.quota_alerts.threshold_percentage is 'The threshold, in percent of the limit.';
comment on column app_public.quota_alerts.quota_limit is 'The limit at that moment.';
comment on column app_public.quota_alerts.usage_at_alert is 'What was used at that moment.';
comment on column app_public.quota_alerts.acknowledged_at is 'When somebody said that they have seen it (acknowledge_quota_alert).';
comment on column app_public.quota_alerts.acknowledged_by_user_id is 'Who that was.';
comment on column app_public.quota_alerts.created_at is 'When it was passed.';

comment on type app_public.quota_status is 'A limit and what is used of it.';
comment on column app_public.quota_status.quota_type is 'As in usage_quotas.';
comment on column app_public.quota_status.scope_id is 'Whose use it is: the tenant, user, agent or API key.';
comment on column app_public.quota_status.period_start is 'First day of the period, null where there is none.';
comment on column app_public.quota_status.period_end is 'The day after its last, null where there is none.';
comment on column app_public.quota_status.quota_limit is 'The strictest limit.';
comment on column app_public.quota_status.hard_limit is 'The limit that refuses; null when the limit is soft.';
comment on column app_public.quota_status.remaining is 'What is left of quota_limit.';
comment on column app_public.quota_status.is_warning is 'Whether the alert threshold is reached.';
