-- Signals and beliefs
drop type app_public.new_event, app_public.new_belief, app_public.new_evidence cascade;
drop table app_public.evidence_pack_items, app_public.evidence_pack, app_public.belief_contradictions, app_public.evidence,
  app_public.belief_revisions, app_public.beliefs, app_public.event_signals, app_public.signal_tags, app_public.signals,
  app_public.signal_rules, app_public.events cascade;
drop domain app_public.belief_status, app_public.evidence_origin, app_public.evidence_stance cascade;
-- Panels
drop type app_public.panel_option cascade;
drop table app_public.panel_votes, app_public.panel_turns, app_public.panel_seats, app_public.panel_discussions cascade;
drop domain app_public.panel_turn_kind, app_public.panel_status cascade;
-- Conversations
drop table app_public.message_feedback, app_public.messages, app_public.expert_consultations cascade;
drop type app_public.sent_message, app_public.message_part, app_public.new_message_part cascade;
drop domain app_public.answer_rating, app_public.message_part_kind, app_public.message_status, app_public.message_role,
  app_public.conversation_status cascade;
drop schema conversation cascade;
